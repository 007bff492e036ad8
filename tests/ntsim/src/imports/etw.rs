//! Routines of ntoskrnl.exe for event tracing.

use super::{code, imports};
use crate::{
    NtStatus,
    etw::{self, WrittenEvent},
    nt::{event_data_descriptor as edd, event_descriptor as ed, get},
    thread,
};

/// Copies what EtwWriteTransfer gets.
///
/// # Safety
/// `descriptor` is the driver's EVENT_DESCRIPTOR, and `data` has `count` EVENT_DATA_DESCRIPTORs.
unsafe fn written(descriptor: usize, count: u32, data: usize) -> WrittenEvent {
    let blocks = (0..count as usize).map(|at| {
        let at = data + at * edd::SIZE;
        // SAFETY: the caller's promise, in all of these. The type is the first byte of Reserved.
        let (pointer, size, kind): (u64, u32, u8) = unsafe {
            (
                get(at, edd::PTR),
                get(at, edd::LENGTH),
                get(at, edd::RESERVED),
            )
        };
        let bytes = if size == 0 {
            Vec::new()
        } else {
            // SAFETY: as above: the block that the descriptor describes.
            unsafe { std::slice::from_raw_parts(pointer as *const u8, size as usize) }.to_vec()
        };
        (kind, bytes)
    });
    WrittenEvent {
        data: blocks.collect(),
        // SAFETY: as above.
        level: unsafe { get(descriptor, ed::LEVEL) },
        // SAFETY: as above.
        keyword: unsafe { get(descriptor, ed::KEYWORD) },
    }
}

imports! {
    /// nf-wdm-etwregister
    EtwRegister(provider: usize, callback: usize, context: usize, handle: *mut u64) -> i32,
        PASSIVE_LEVEL, |kernel| {
        if kernel.fails("EtwRegister") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        if provider == 0 || handle.is_null() {
            kernel.violation("tracing", "a provider was registered without its GUID or handle");
            return NtStatus::INVALID_PARAMETER.0;
        }
        let registered = kernel.register_provider(callback, context);
        // SAFETY: the driver's out parameter.
        unsafe { handle.write(registered) };
        0
    }
    /// nf-wdm-etwunregister
    EtwUnregister(handle: u64) -> i32, PASSIVE_LEVEL, |kernel| {
        kernel.unregister_provider(handle).0
    }
    /// nf-wdm-etwsetinformation
    EtwSetInformation(handle: u64, class: u32, information: *const u8, length: u32) -> i32,
        PASSIVE_LEVEL, |kernel| {
        if kernel.fails("EtwSetInformation") {
            return NtStatus::INVALID_DEVICE_REQUEST.0;
        }
        let information = if length == 0 {
            &[]
        } else {
            // SAFETY: the driver's buffer of that length.
            unsafe { std::slice::from_raw_parts(information, length as usize) }
        };
        code(kernel.set_provider_information(handle, class, information))
    }
    /// nf-wdm-etwwritetransfer
    EtwWriteTransfer(
        handle: u64, descriptor: usize, activity: usize, related: usize, count: u32, data: usize
    ) -> i32, HIGH_LEVEL, |kernel| {
        /// MAX_EVENT_DATA_DESCRIPTORS
        const MOST: u32 = 128;
        let _ = (activity, related);
        if count > MOST || (count != 0 && data == 0) || descriptor == 0 {
            kernel.violation("tracing", "an event without a descriptor, or with too much data");
            return NtStatus::INVALID_PARAMETER.0;
        }
        if kernel.fails("EtwWriteTransfer") {
            return NtStatus::NO_MEMORY.0;
        }
        // SAFETY: the driver's descriptors.
        kernel.write_event(handle, || unsafe { written(descriptor, count, data) }).0
    }
    /// nf-wdm-etwactivityidcontrol
    EtwActivityIdControl(control: u32, id: *mut [u8; 16]) -> i32, HIGH_LEVEL, |kernel| {
        if thread::irql() >= thread::DISPATCH_LEVEL && !etw::control_may_be_high(control) {
            kernel.violation("IRQL", "an activity id was set or asked for at DISPATCH_LEVEL");
        }
        if kernel.fails("EtwActivityIdControl") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        // SAFETY: the driver's in and out parameter.
        let given = unsafe { id.read_unaligned() };
        code(etw::activity_id_control(control, given).map(|result| {
            // SAFETY: as above.
            unsafe { id.write_unaligned(result) };
        }))
    }
}
