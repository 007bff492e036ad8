//! Running attached to the System process, where the driver's views are mapped.

use core::{cell::UnsafeCell, mem::MaybeUninit};
use wdk_sys::{KAPC_STATE, PEPROCESS};

unsafe extern "system" {
    fn KeStackAttachProcess(process: PEPROCESS, state: *mut KAPC_STATE);
    fn KeUnstackDetachProcess(state: *mut KAPC_STATE);
}

// Naming the library makes this an import by address, which data needs.
#[link(name = "ntoskrnl")]
unsafe extern "system" {
    static PsInitialSystemProcess: PEPROCESS;
}

/// Runs `work` in the address space of the System process. IRQL <= APC_LEVEL.
pub fn in_system<T>(work: impl FnOnce() -> T) -> T {
    let state = UnsafeCell::new(MaybeUninit::<KAPC_STATE>::uninit());
    // SAFETY: exported by the kernel and set before any driver runs.
    let system = unsafe { PsInitialSystemProcess };
    // SAFETY: the state stays in place on this stack until the detach below.
    unsafe { KeStackAttachProcess(system, state.get().cast()) };
    let result = work();
    // SAFETY: filled by the matching attach; nothing between them unwinds.
    unsafe { KeUnstackDetachProcess(state.get().cast()) };
    result
}
