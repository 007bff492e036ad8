//! The control device's operations.

mod information;
mod stores;

use crate::nt::{
    device::{Control, ControlRequest},
    status::NtStatus,
};
use daxflush_protocol::Ioctl;

/// The device that programs open as `\\.\DaxFlush`.
pub struct Daxctl;

impl Control for Daxctl {
    fn control(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
        match Ioctl::from_code(request.code).ok_or(NtStatus::INVALID_DEVICE_REQUEST)? {
            Ioctl::Version => information::version(request),
            Ioctl::Statistics => information::statistics(request),
            Ioctl::MarkDirty => stores::mark_dirty(request),
            Ioctl::Commit => stores::commit(request),
        }
    }
}
