//! A program's requests for tokens.

use crate::Client;
use daxflush_protocol::{
    FileRange, FillTokenRequest, FlushToken, GetTokenRequest, Ioctl, TokenFlushReply, TokenReply,
    TokenRequest, WriteToken,
};
use ntsim::{Handle, NtStatus};
use std::ops::Range;
use zerocopy::IntoBytes;

impl Client {
    /// Makes a token for a region of a file.
    ///
    /// # Errors
    /// The driver's.
    pub fn get_token(&self, file: Handle, region: Range<u64>) -> Result<u64, NtStatus> {
        let request = GetTokenRequest {
            file: file.as_raw(),
            offset: region.start,
            length: region.end.wrapping_sub(region.start),
        };
        let reply: TokenReply = self.ask(Ioctl::GetToken, request.as_bytes())?;
        Ok(reply.token)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// The driver's.
    pub fn free_token(&self, token: u64) -> Result<(), NtStatus> {
        self.tell(Ioctl::FreeToken, TokenRequest { token }.as_bytes())
    }

    /// Flushes ranges; returns the lines.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// More ranges than a request can carry.
    pub fn flush_token(
        &self,
        token: u64,
        ranges: &[Range<u64>],
        flags: u32,
    ) -> Result<u64, NtStatus> {
        let range = |range: &Range<u64>| FileRange {
            offset: range.start,
            length: range.end - range.start,
        };
        let ranges: Vec<_> = ranges.iter().map(range).collect();
        let request = FlushToken {
            token,
            flags,
            ranges: &ranges,
        };
        let mut buffer = vec![0; 16 + 16 * ranges.len()];
        let input = request.encode(&mut buffer).expect("a request");
        let reply: TokenFlushReply = self.ask(Ioctl::FlushToken, input)?;
        Ok(reply.lines)
    }

    /// Writes through a token.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// More bytes than a request can carry.
    pub fn write_token(
        &self,
        token: u64,
        offset: u64,
        data: &[u8],
        flags: u32,
    ) -> Result<(), NtStatus> {
        let request = WriteToken {
            token,
            offset,
            flags,
            data,
        };
        let mut buffer = vec![0; 24 + data.len()];
        let input = request.encode(&mut buffer).expect("a request");
        self.tell(Ioctl::WriteToken, input)
    }

    /// Fills through a token.
    ///
    /// # Errors
    /// The driver's.
    pub fn fill_token(
        &self,
        token: u64,
        bytes: Range<u64>,
        value: u32,
        flags: u32,
    ) -> Result<(), NtStatus> {
        let request = FillTokenRequest {
            token,
            offset: bytes.start,
            length: bytes.end.wrapping_sub(bytes.start),
            flags,
            value,
        };
        self.tell(Ioctl::FillToken, request.as_bytes())
    }

    /// Drains what was flushed through a token.
    ///
    /// # Errors
    /// The driver's.
    pub fn drain_token(&self, token: u64) -> Result<(), NtStatus> {
        self.tell(Ioctl::DrainToken, TokenRequest { token }.as_bytes())
    }
}
