//! Every number that Windows publishes, against its metadata.

use daxflush_nvmem::{Error, FlushFlags, NvMemoryRange};
use std::mem::{align_of, offset_of, size_of};
use windows_sys::Win32::{
    Foundation::{
        STATUS_DEVICE_NOT_READY, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER,
        STATUS_NOT_SUPPORTED,
    },
    System::{
        Memory::NonVolatile::NV_MEMORY_RANGE, SystemServices::FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN,
    },
};

#[test]
fn statuses() {
    let pairs = [
        (Error::InvalidParameter, STATUS_INVALID_PARAMETER),
        (Error::InsufficientResources, STATUS_INSUFFICIENT_RESOURCES),
        (Error::NotReady, STATUS_DEVICE_NOT_READY),
        (Error::NotSupported, STATUS_NOT_SUPPORTED),
    ];
    for (error, status) in pairs {
        assert_eq!(error.to_ntstatus(), status, "{error}");
    }
}

#[test]
fn flags() {
    assert_eq!(
        FlushFlags::NO_DRAIN.bits(),
        FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN
    );
    assert_eq!(FlushFlags::all(), FlushFlags::NO_DRAIN);
}

#[test]
fn range_layout() {
    assert_eq!(size_of::<NvMemoryRange>(), size_of::<NV_MEMORY_RANGE>());
    assert_eq!(align_of::<NvMemoryRange>(), align_of::<NV_MEMORY_RANGE>());
    assert_eq!(
        offset_of!(NvMemoryRange, base_address),
        offset_of!(NV_MEMORY_RANGE, BaseAddress)
    );
    assert_eq!(
        offset_of!(NvMemoryRange, length),
        offset_of!(NV_MEMORY_RANGE, Length)
    );
}
