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

/// Whether the process that calls has 32-bit pointers. IRQL <= DISPATCH_LEVEL
/// (nf-ntddk-iois32bitprocess).
pub fn is_32_bit() -> bool {
    unsafe extern "system" {
        fn IoIs32bitProcess(irp: wdk_sys::PIRP) -> u8;
    }
    // SAFETY: no IRP asks about the current process.
    unsafe { IoIs32bitProcess(core::ptr::null_mut()) != 0 }
}

/// The number of the process that calls, used again after it has ended. Any IRQL
/// (nf-ntddk-psgetcurrentprocessid).
pub fn current() -> u64 {
    unsafe extern "system" {
        fn PsGetCurrentProcessId() -> wdk_sys::HANDLE;
    }
    // SAFETY: reads a field of the current thread.
    unsafe { PsGetCurrentProcessId() as u64 }
}

/// The number of the thread that calls. Any IRQL (nf-ntddk-psgetcurrentthreadid).
pub fn current_thread() -> u64 {
    unsafe extern "system" {
        fn PsGetCurrentThreadId() -> wdk_sys::HANDLE;
    }
    // SAFETY: reads a field of the current thread.
    unsafe { PsGetCurrentThreadId() as u64 }
}
