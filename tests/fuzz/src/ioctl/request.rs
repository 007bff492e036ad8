//! Requests that are as they should be, but for some of their fields.

use super::session::Session;
use daxflush_protocol::{
    AttachLogRequest, CloseLogRequest, CommitRequest, CreateLogRequest, DirtyLinesRequest,
    FileRange, Ioctl, LIST_BYTES, ListRequest, MarkDirty, SetSettingRequest, StatisticsRequest,
    StreamsRequest, TraceRequest, VersionRequest, VolumeRecord, records,
};
use zerocopy::{Immutable, IntoBytes};

impl Session<'_> {
    /// Makes one request of any kind.
    pub fn request(&mut self) {
        let Some(device) = self.pick(|session| &session.devices) else {
            return;
        };
        let ioctl = Ioctl::ALL[self.below(Ioctl::ALL.len())];
        let mut input = self.valid(ioctl);
        let room = self.damage(&mut input);
        self.send(device, ioctl.code(), &input, room);
    }

    /// Changes a request a little, or not; returns the room for its answer.
    fn damage(&mut self, input: &mut Vec<u8>) -> usize {
        let how: u8 = self.any();
        if how & 0x0f == 1 && !input.is_empty() {
            let at = self.below(input.len());
            input[at] = self.any();
        }
        if how & 0x0f == 2 {
            let length = usize::from(self.any::<u8>());
            input.resize(length, 0);
        }
        match how >> 4 {
            0 => 0,
            1 => self.below(16),
            2 => self.any::<u8>().into(),
            3 | 4 => LIST_BYTES,
            _ => 4096,
        }
    }

    pub fn file_handle(&mut self) -> u64 {
        match self.pick(|session| &session.files) {
            Some(file) => file.handle.as_raw(),
            None => self.number(),
        }
    }

    pub fn token(&mut self) -> u64 {
        match self.pick(|session| &session.tokens) {
            Some(token) => token,
            None => self.number(),
        }
    }

    fn log(&mut self) -> u64 {
        match self.pick(|session| &session.logs) {
            Some(log) => log.id,
            None => self.number(),
        }
    }

    /// Mostly within a file of this target's.
    pub fn range(&mut self) -> FileRange {
        let (offset, length) = if self.below(4) == 0 {
            (self.number(), self.number())
        } else {
            (
                u64::from(self.any::<u16>()) % 2048,
                1 + u64::from(self.any::<u8>()),
            )
        };
        FileRange { offset, length }
    }

    pub fn flags(&mut self) -> u32 {
        match self.below(8) {
            0 => self.any(),
            1 => 0x100,
            2 => 0x101,
            few => few as u32 - 3,
        }
    }

    /// Almost always 0, as it must be.
    fn reserved(&mut self) -> u32 {
        u32::from(self.any::<u8>() == 0xff)
    }

    pub fn ranges(&mut self) -> Vec<FileRange> {
        (0..=self.below(4)).map(|_| self.range()).collect()
    }

    fn volume(&mut self) -> u64 {
        let Some(device) = self.devices.first().copied() else {
            return self.number();
        };
        let request = ListRequest::default();
        let mut answer = vec![0; 1024];
        let ask = || {
            let code = Ioctl::Volumes.code();
            self.sim
                .device_io_control_raw(device.handle, code, request.as_bytes(), &mut answer)
        };
        let (_, count) = self.sim.in_process(device.process, ask);
        let first = records::<VolumeRecord>(&answer[..count]).next();
        first.map_or_else(|| self.number(), |(record, _)| record.id)
    }

    fn valid(&mut self, ioctl: Ioctl) -> Vec<u8> {
        match ioctl {
            Ioctl::Version => bytes(&VersionRequest {
                newest: self.any::<u8>().into(),
                oldest: self.any::<u8>().into(),
            }),
            Ioctl::Information | Ioctl::Drain | Ioctl::SelfTest | Ioctl::Settings => Vec::new(),
            Ioctl::Statistics => {
                let scope = self.below(4) as u32;
                let id = match scope {
                    1 => self.volume(),
                    _ => self.file_handle(),
                };
                bytes(&StatisticsRequest {
                    scope,
                    reserved: self.reserved(),
                    id,
                })
            }
            Ioctl::Volumes => bytes(&ListRequest {
                after: self.number(),
            }),
            Ioctl::Streams => bytes(&StreamsRequest {
                volume: self.volume(),
                after: self.any::<u8>().into(),
            }),
            Ioctl::DirtyLines => self.dirty_lines(),
            Ioctl::MarkDirty => {
                let (file, ranges) = (self.file_handle(), self.ranges());
                encoded(|buffer| MarkDirty::encode(file, &ranges, buffer).map(<[u8]>::len))
            }
            Ioctl::Commit => bytes(&CommitRequest {
                file: self.file_handle(),
                range: if self.any() {
                    FileRange::default()
                } else {
                    self.range()
                },
                flags: self.flags(),
                reserved: self.reserved(),
            }),
            Ioctl::CreateLog => bytes(&CreateLogRequest {
                file: self.file_handle(),
                entries: if self.below(8) == 0 {
                    self.any()
                } else {
                    64 << self.below(3)
                },
                reserved: self.reserved(),
            }),
            Ioctl::CloseLog => bytes(&CloseLogRequest { log: self.log() }),
            Ioctl::AttachLog => bytes(&AttachLogRequest {
                log: self.log(),
                file: self.file_handle(),
            }),
            Ioctl::Trace => bytes(&TraceRequest {
                level: self.below(8) as u32,
                reserved: self.reserved(),
            }),
            Ioctl::SetSetting => bytes(&SetSettingRequest {
                setting: self.below(10) as u32,
                value: self.number() as u32,
                flags: u32::from(self.below(16) == 0),
                reserved: self.reserved(),
            }),
            _ => self.valid_with_token(ioctl),
        }
    }

    fn dirty_lines(&mut self) -> Vec<u8> {
        let odd = self.below(4) == 0;
        bytes(&DirtyLinesRequest {
            file: self.file_handle(),
            offset: if odd {
                self.number()
            } else {
                64 * u64::from(self.any::<u8>())
            },
            cell_bytes: if odd {
                self.number()
            } else {
                64 << self.below(7)
            },
            cells: if odd {
                self.number() as u32
            } else {
                1 + self.below(64) as u32
            },
            reserved: self.reserved(),
        })
    }
}

pub(super) fn bytes(request: &(impl IntoBytes + Immutable)) -> Vec<u8> {
    request.as_bytes().to_vec()
}

pub(super) fn encoded(encode: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut buffer = vec![0; 512];
    let length = encode(&mut buffer).expect("a request that fits");
    buffer.truncate(length);
    buffer
}
