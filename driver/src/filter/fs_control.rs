//! IRP_MJ_FILE_SYSTEM_CONTROL: requests by which the file system itself stores into a file, and
//! those by which a volume goes.

use super::{
    Volume,
    commit::commit_volume,
    extent::{self, Target},
    stream,
};
use crate::nt::{
    context,
    handover::OneOf,
    operation::{After, Before, Operation},
    request::Request,
};

pub struct FsControl;

/// Control codes (winioctl.h).
mod code {
    pub const LOCK_VOLUME: u32 = 0x9_0018;
    pub const DISMOUNT_VOLUME: u32 = 0x9_0020;
    pub const SET_ZERO_DATA: u32 = 0x9_80c8;
    pub const OFFLOAD_WRITE: u32 = 0x9_8268;
    pub const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;
    pub const DUPLICATE_EXTENTS_TO_FILE_EX: u32 = 0x9_83e8;
}

impl Operation for FsControl {
    const MAJOR: u8 = 0x0d;
    type Context = Target;

    fn before(request: &Request<'_>) -> Before<Target> {
        let Some(file) = request.file().filter(|_| request.is_fs_request()) else {
            return Before::Pass;
        };
        if file.is_volume_open() {
            return before_on_volume(request);
        }
        let Some((offset, length)) = stored_range(request) else {
            return Before::Pass;
        };
        match stream::to_track(request.instance(), file) {
            Ok(Some(stream)) => Before::Watch(extent::of(stream, offset, length)),
            Ok(None) => Before::Pass,
            Err(status) => Before::Fail(status),
        }
    }

    /// A request that failed may have stored a part.
    fn after(request: &Request<'_>, target: Target) -> After<Target> {
        let Some(file) = request.file() else {
            return After::Done;
        };
        match target {
            OneOf::First(stream, _) => {
                stream.count_write();
                stream.record_all(file);
            }
            OneOf::Second(extent) => extent.record(file, stored_length(request, extent.length)),
        }
        After::Done
    }
}

/// Nothing that was stored may be forgotten, and nothing of the filter's may be in the way.
fn before_on_volume(request: &Request<'_>) -> Before<Target> {
    if !matches!(
        request.control_code(),
        code::LOCK_VOLUME | code::DISMOUNT_VOLUME
    ) {
        return Before::Pass;
    }
    let Some(volume) = context::instance::<Volume>(request.instance()) else {
        return Before::Pass;
    };
    match commit_volume(&volume) {
        Ok(()) => {
            volume.let_go();
            Before::Pass
        }
        Err(status) => Before::Fail(status),
    }
}

/// Offset and length of what a request is about to store; nothing for an input that is too short, in
/// which the file system sees no more than we do.
fn stored_range(request: &Request<'_>) -> Option<(u64, u64)> {
    let input = request.control_input();
    match request.control_code() {
        // FILE_ZERO_DATA_INFORMATION: FileOffset, BeyondFinalZero.
        code::SET_ZERO_DATA => {
            let range = word(input, 0).zip(word(input, 8));
            range.map(|(start, end)| (start, end.saturating_sub(start)))
        }
        // FSCTL_OFFLOAD_WRITE_INPUT: FileOffset at 8, CopyLength.
        code::OFFLOAD_WRITE => word(input, 8).zip(word(input, 16)),
        // DUPLICATE_EXTENTS_DATA: FileHandle, SourceFileOffset, TargetFileOffset, ByteCount; with a
        // handle of 4 bytes at the same offsets.
        code::DUPLICATE_EXTENTS_TO_FILE => word(input, 16).zip(word(input, 24)),
        // DUPLICATE_EXTENTS_DATA_EX begins with its size, and size and handle are pointer-sized.
        code::DUPLICATE_EXTENTS_TO_FILE_EX => {
            let handles = if request.is_of_32_bit_process() {
                8
            } else {
                16
            };
            word(input, handles + 8).zip(word(input, handles + 16))
        }
        _ => None,
    }
}

/// How much of it was stored: an offloaded write may do a part and say so.
fn stored_length(request: &Request<'_>, length: u64) -> u64 {
    if request.control_code() != code::OFFLOAD_WRITE || !request.succeeded() {
        return length;
    }
    // FSCTL_OFFLOAD_WRITE_OUTPUT: Size, Flags, LengthWritten.
    word(request.control_output(), 8).unwrap_or(length)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    field.try_into().ok().map(u64::from_le_bytes)
}
