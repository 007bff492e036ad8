//! Sending a request, and whether its answer and its effects are what they may be.

use super::session::{Device, Log, Session};
use daxflush_protocol::{
    CommitRequest, FileRange, Ioctl, LogReply, MarkDirty, ReplyHeader, StreamRecord, TokenReply,
    VolumeRecord, commit_flag, records,
};
use ntsim::{FileId, Held, NtStatus, Sim, as_user};
use std::ops::Range;
use zerocopy::FromBytes;

/// What is a refusal: nothing was done.
const REFUSALS: [NtStatus; 9] = [
    NtStatus::INVALID_PARAMETER,
    NtStatus::INVALID_HANDLE,
    NtStatus::ACCESS_DENIED,
    NtStatus::BUFFER_TOO_SMALL,
    NtStatus::BUFFER_OVERFLOW,
    NtStatus::INVALID_DEVICE_REQUEST,
    NtStatus::NOT_SUPPORTED,
    NtStatus::OBJECT_TYPE_MISMATCH,
    NtStatus::REVISION_MISMATCH,
];
/// What else the driver may answer.
const OTHERS: [NtStatus; 6] = [
    NtStatus::SUCCESS,
    NtStatus::INSUFFICIENT_RESOURCES,
    NtStatus::QUOTA_EXCEEDED,
    NtStatus::END_OF_FILE,
    NtStatus::FILE_CLOSED,
    NtStatus::FILE_DELETED,
];
/// What the simulator fills buffers with that the driver has not written to.
const STALE: [u8; 8] = [0xcd; 8];
const HEADER: usize = size_of::<ReplyHeader>();

impl Session<'_> {
    /// Any code, with any bytes.
    pub fn raw_request(&mut self) {
        let Some(device) = self.pick(|session| &session.devices) else {
            return;
        };
        let known = Ioctl::ALL[self.below(Ioctl::ALL.len())].code();
        let code = match self.below(4) {
            0 => self.any(),
            1 => known ^ 1 << self.below(32),
            _ => known,
        };
        let length = self.below(80).min(self.input.len());
        let input = self.input.bytes(length).unwrap_or_default().to_vec();
        let room = self.any::<u8>().into();
        self.send(device, code, &input, room);
    }

    /// Reports stores, as a program that has the device open does. Whether it could.
    pub fn report(&mut self, id: FileId, range: Range<u64>) -> bool {
        let Some(device) = self.pick(|session| &session.devices) else {
            return false;
        };
        let mine = |file: &&super::session::File| file.id == id && file.process == device.process;
        let Some(file) = self.files.iter().find(mine) else {
            return false;
        };
        let range = FileRange {
            offset: range.start,
            length: range.end - range.start,
        };
        let mut buffer = [0; 32];
        let request = MarkDirty::encode(file.handle.as_raw(), &[range], &mut buffer);
        let request = request.expect("a request");
        self.send(device, Ioctl::MarkDirty.code(), request, 0) == NtStatus::SUCCESS
    }

    /// Makes a request as whoever has the device open.
    pub fn send(&mut self, device: Device, code: u32, input: &[u8], room: usize) -> NtStatus {
        let sim = self.sim;
        let mut output = vec![0; room];
        let before = held(sim);
        let ask = || sim.device_io_control_raw(device.handle, code, input, &mut output);
        let as_asked = || as_user(device.user, ask);
        let (status, count) = sim.in_process(device.process, || {
            if device.is_32_bit {
                sim.as_32_bit(as_asked)
            } else {
                as_asked()
            }
        });
        let what = Ioctl::from_code(code);
        let named = || what.map_or_else(|| format!("{code:#x}"), |it| it.name().to_owned());
        self.say(|| {
            format!(
                "{} through {:x?} with {input:x?}, room {room}: {status}, {count} bytes",
                named(),
                device.handle
            )
        });
        assert!(
            REFUSALS.contains(&status) || OTHERS.contains(&status),
            "{} answered {status}, which is not documented",
            named()
        );
        if REFUSALS.contains(&status) {
            assert_eq!(before, held(sim), "{} was refused ({status})", named());
        }
        assert!(
            what.is_some() || status != NtStatus::SUCCESS,
            "{} succeeded",
            named()
        );
        let answer = &output[..count];
        if let Some(what) = what {
            self.look_at(what, status, answer, input);
            if status == NtStatus::SUCCESS {
                self.take(device, what, answer, input);
            }
        }
        status
    }

    /// P5: an answer is as long as it says, and holds nothing that nobody has put there.
    fn look_at(&self, what: Ioctl, status: NtStatus, answer: &[u8], input: &[u8]) {
        let contains = |bytes: &[u8]| bytes.windows(STALE.len()).any(|part| part == STALE);
        let stale = contains(answer) && !contains(input);
        assert!(
            !stale,
            "{what:?} answered with bytes that it has not written: {answer:x?}"
        );
        if status == NtStatus::BUFFER_OVERFLOW {
            let short = matches!(what, Ioctl::Volumes | Ioctl::Streams) || answer.len() == HEADER;
            assert!(
                short,
                "{what:?}: {} bytes of an answer without room",
                answer.len()
            );
        }
        if status != NtStatus::SUCCESS || answer.is_empty() {
            return;
        }
        let (header, _) = ReplyHeader::read_from_prefix(answer).expect("a header");
        let found = match what {
            Ioctl::Volumes => records::<VolumeRecord>(answer).count(),
            Ioctl::Streams => records::<StreamRecord>(answer).count(),
            _ => {
                let size = header.size as usize;
                assert_eq!(
                    size,
                    answer.len(),
                    "{what:?}: the answer is not what it says"
                );
                return;
            }
        };
        assert_eq!(
            found, header.count as usize,
            "{what:?}: records are cut off"
        );
    }

    /// Keeps what a request has made, and checks what it promises.
    fn take(&mut self, device: Device, what: Ioctl, answer: &[u8], input: &[u8]) {
        let body = answer.get(HEADER..).unwrap_or_default();
        match what {
            Ioctl::GetToken => {
                let reply = TokenReply::read_from_bytes(body).expect("an answer");
                assert!(
                    !self.tokens.contains(&reply.token),
                    "a token was used again"
                );
                self.tokens.push(reply.token);
            }
            Ioctl::CreateLog | Ioctl::AttachLog => {
                let reply = LogReply::read_from_bytes(body).expect("an answer");
                self.logs.push(Log {
                    id: reply.log,
                    address: reply.address,
                    bytes: reply.bytes,
                    process: device.process,
                });
            }
            Ioctl::SetSetting => self.settings_changed(),
            Ioctl::Commit => self.committed(device, input),
            _ => {}
        }
    }

    fn committed(&mut self, device: Device, input: &[u8]) {
        let request = CommitRequest::read_from_bytes(input).expect("a request");
        let of_request = |file: &&super::session::File| {
            file.handle.as_raw() == request.file && file.process == device.process
        };
        let file = self.files.iter().find(of_request).copied();
        let file = file.expect("a commit of a file that the caller has not open");
        if request.flags & commit_flag::NO_DRAIN != 0 {
            return;
        }
        let range = match request.range {
            FileRange {
                offset: 0,
                length: 0,
            } => 0..u64::MAX,
            range => range.offset..range.end().expect("a range that was refused"),
        };
        self.is_durable(file, range, "a commit");
    }

    /// What a program may do to the memory of a log: anything.
    pub fn scribble_in_log(&mut self) {
        let Some(log) = self.pick(|session| &session.logs) else {
            return;
        };
        let open = || self.sim.shared_view(log.address, log.bytes as usize);
        let Ok(view) = self.sim.in_process(log.process, open) else {
            return;
        };
        for _ in 0..=self.below(4) {
            // Magic, tail, overflow, head, and the first slots.
            let index = [0, 8, 9, 16, 24, 25, 26, 27][self.below(8)];
            let value = self.number();
            if index < view.len() / 8 {
                view.store(index, value);
            }
        }
    }
}

/// What a refused request must leave as it was. The pool may change: names of files are kept from
/// when they were asked for.
fn held(sim: &Sim) -> (Held, u64) {
    let held = Held {
        pool_blocks: 0,
        pool_bytes: 0,
        work_items: 0,
        ..sim.held()
    };
    (held, sim.observed().flushes)
}
