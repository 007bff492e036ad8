//! IRP_MJ_WRITE: recorded when the data is stored.

use super::{STATISTICS, Stream, stream};
use crate::nt::{
    operation::{Before, Operation},
    request::{Request, WritePosition},
    shared::Shared,
    status::NtStatus,
};

pub struct Write;

impl Operation for Write {
    const MAJOR: u8 = 0x04;
    const SKIP_PAGING_IO: bool = true;
    type Context = Shared<Stream>;

    /// A write that could not be tracked is refused: it must not be forgotten by a later commit.
    fn before(request: &Request<'_>) -> Before<Shared<Stream>> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        if request.is_paging() || file.is_volume_open() {
            return Before::Pass;
        }
        match stream::of(request.instance(), file) {
            Ok(stream) => {
                if cfg!(feature = "fault-mark-before-write") {
                    record(request, &stream, request.write_length());
                }
                Before::Watch(stream)
            }
            // A stream that can have no context is none of a program's.
            Err(NtStatus::NOT_SUPPORTED) => Before::Pass,
            Err(status) => Before::Fail(status),
        }
    }

    /// After the data is in place, because a commit between record and store would forget it.
    /// IRQL <= DISPATCH_LEVEL: the stream is not freed here, as its file is still open.
    fn after(request: &Request<'_>, stream: Shared<Stream>) {
        if cfg!(feature = "fault-mark-before-write") {
            return;
        }
        // A failed write may have stored a part of its data.
        let length = request.write_length();
        let stored = if request.succeeded() {
            request.information().min(length)
        } else {
            length
        };
        record(request, &stream, stored);
    }
}

fn record(request: &Request<'_>, stream: &Stream, length: u64) {
    let Some(file) = request.file().filter(|_| length != 0) else {
        return;
    };
    STATISTICS.record_write();
    let offset = match request.write_position() {
        WritePosition::At(offset) => Some(offset),
        WritePosition::Relative => request.relative_write_offset(length),
    };
    match offset {
        Some(offset) => stream.record(file, offset, length),
        None => stream.record_all(file),
    }
}
