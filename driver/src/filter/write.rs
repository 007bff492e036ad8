//! IRP_MJ_WRITE: recorded when the data is stored, and committed if it is written through.

use super::{
    commit::commit_write,
    extent::{self, ANYWHERE, Target},
    stream::{self, Stream},
};
use crate::nt::{
    handover::OneOf,
    irql,
    operation::{After, Before, Operation},
    request::{Request, WriteKind, WritePosition},
    shared::Shared,
    status::NtStatus,
    trace,
};
use daxflush_engine::MAX_OFFSET;

pub struct Write;

/// The note of a write that must be durable when it completes.
const THROUGH: usize = 2;

impl Operation for Write {
    const MAJOR: u8 = 0x04;
    const SKIP_PAGING_IO: bool = true;
    type Context = Target;

    /// A write that could not be tracked is refused: it must not be forgotten by a later commit.
    fn before(request: &Request<'_>) -> Before<Target> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        if request.is_paging() || file.is_volume_open() {
            return Before::Pass;
        }
        let stream = match stream::to_track(request.instance(), file) {
            Ok(Some(stream)) => stream,
            Ok(None) => return Before::Pass,
            Err(status) => return Before::Fail(status),
        };
        match request.write_kind() {
            // Nothing is stored yet, and the completion comes as a request of its own.
            WriteKind::PrepareMdl => Before::Pass,
            WriteKind::CompleteMdl => {
                let length = request.write_mdl_length();
                Before::Watch(match request.write_position() {
                    WritePosition::At(offset) => extent::of(stream, offset, length),
                    WritePosition::Relative => OneOf::First(stream, ANYWHERE),
                })
            }
            WriteKind::Copy => {
                if cfg!(feature = "fault-mark-before-write") {
                    record(request, &stream, request.write_length());
                }
                // A write of the file system's own is no program's to be promised anything.
                if !request.is_write_through() || irql::inside_file_system() {
                    Before::Watch(OneOf::First(stream, 0))
                } else if request.is_synchronous() {
                    Before::Synchronize(OneOf::First(stream, THROUGH))
                } else {
                    Before::Watch(OneOf::First(stream, THROUGH))
                }
            }
        }
    }

    /// After the data is in place, because a commit between record and store would forget it.
    /// IRQL <= DISPATCH_LEVEL: the stream is not freed here, as its file is still open.
    fn after(request: &Request<'_>, target: Target) -> After<Target> {
        if cfg!(feature = "fault-mark-before-write") {
            return After::Done;
        }
        let (stream, note) = match target {
            OneOf::Second(extent) => {
                if let Some(file) = request.file() {
                    extent.record(file, extent.length);
                }
                return After::Done;
            }
            OneOf::First(stream, note) => (stream, note),
        };
        if note & ANYWHERE != 0 {
            if let Some(file) = request.file() {
                stream.record_all(file);
            }
            return After::Done;
        }
        let length = stored(request);
        record(request, &stream, length);
        if note & THROUGH == 0 || length == 0 || request.is_draining() {
            return After::Done;
        }
        if irql::may_wait_for_io() && request.is_synchronous() {
            make_durable(request, &stream).map_or_else(After::Fail, |()| After::Done)
        } else {
            After::Later(OneOf::First(stream, THROUGH))
        }
    }

    fn later(request: &Request<'_>, target: Target) -> Result<(), NtStatus> {
        match target {
            OneOf::First(stream, _) => make_durable(request, &stream),
            OneOf::Second(_) => Ok(()),
        }
    }
}

/// Bytes that may have been stored: a write that failed may have stored a part of its data.
fn stored(request: &Request<'_>) -> u64 {
    let length = request.write_length();
    if request.succeeded() {
        request.information().min(length)
    } else if request.is_left_to_irp() {
        0
    } else {
        length
    }
}

/// Where a write of `length` bytes has put them, if that can be told. The file pointer, from which a
/// relative write's place is told, is not moved by one that fails.
fn offset(request: &Request<'_>, length: u64) -> Option<u64> {
    match request.write_position() {
        WritePosition::At(offset) => Some(offset),
        WritePosition::Relative if request.succeeded() => request.relative_write_offset(length),
        WritePosition::Relative => None,
    }
}

fn record(request: &Request<'_>, stream: &Stream, length: u64) {
    let Some(file) = request.file().filter(|_| length != 0) else {
        return;
    };
    stream.count_write();
    match offset(request, length) {
        Some(offset) => {
            stream.record(file, offset, length);
            trace::written(stream.id(), offset, length);
        }
        None => stream.record_all(file),
    }
}

/// Commits a write's lines; all there are if nobody knows which.
fn make_durable(request: &Request<'_>, stream: &Shared<Stream>) -> Result<(), NtStatus> {
    let Some(file) = request.file() else {
        return Ok(());
    };
    let length = stored(request);
    let scope = match offset(request, length) {
        Some(offset) => offset.min(MAX_OFFSET)..offset.saturating_add(length).min(MAX_OFFSET),
        None => 0..MAX_OFFSET,
    };
    commit_write(stream, request.instance(), file, scope).map(|_| ())
}
