//! Requests with tokens.

use super::{
    request::{bytes, encoded},
    session::Session,
};
use daxflush_protocol::{
    FillTokenRequest, FlushToken, GetTokenRequest, Ioctl, TokenRequest, WriteToken,
};

impl Session<'_> {
    pub fn valid_with_token(&mut self, ioctl: Ioctl) -> Vec<u8> {
        match ioctl {
            Ioctl::GetToken => {
                let (file, range) = (self.file_handle(), self.range());
                bytes(&GetTokenRequest {
                    file,
                    offset: range.offset,
                    length: range.length,
                })
            }
            Ioctl::FlushToken => {
                let (token, flags, ranges) = (self.token(), self.flags(), self.ranges());
                let request = FlushToken {
                    token,
                    flags,
                    ranges: &ranges,
                };
                encoded(|buffer| request.encode(buffer).map(<[u8]>::len))
            }
            Ioctl::WriteToken => {
                let (token, offset, flags) = (self.token(), self.range().offset, self.flags());
                let data = vec![self.any::<u8>(); 1 + self.below(200)];
                let request = WriteToken {
                    token,
                    offset,
                    flags,
                    data: &data,
                };
                encoded(|buffer| request.encode(buffer).map(<[u8]>::len))
            }
            Ioctl::FillToken => {
                let (token, range) = (self.token(), self.range());
                bytes(&FillTokenRequest {
                    token,
                    offset: range.offset,
                    length: range.length,
                    flags: self.flags(),
                    value: if self.below(8) == 0 {
                        self.any()
                    } else {
                        self.any::<u8>().into()
                    },
                })
            }
            // FreeToken, DrainToken.
            _ => bytes(&TokenRequest {
                token: self.token(),
            }),
        }
    }
}
