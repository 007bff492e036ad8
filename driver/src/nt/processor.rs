//! Which processor a thread runs on.

/// Runs `work`, which flushes and then drains, without changing processors. IRQL <= APC_LEVEL.
///
/// A drain (DSB) completes the cache maintenance of the processor that executes it
/// (Arm Architecture Reference Manual, "Ordering and completion of data and instruction cache
/// instructions"). That a context switch executes one is likely and nowhere documented.
#[cfg(target_arch = "aarch64")]
pub fn stay<T>(work: impl FnOnce() -> T) -> T {
    use wdk_sys::{GROUP_AFFINITY, PROCESSOR_NUMBER};

    unsafe extern "system" {
        fn KeGetCurrentProcessorNumberEx(number: *mut PROCESSOR_NUMBER) -> u32;
        fn KeSetSystemGroupAffinityThread(new: *mut GROUP_AFFINITY, old: *mut GROUP_AFFINITY);
        fn KeRevertToUserGroupAffinityThread(old: *mut GROUP_AFFINITY);
    }
    let mut number = PROCESSOR_NUMBER::default();
    // SAFETY: any IRQL; the structure is ours (nf-ntddk-kegetcurrentprocessornumberex).
    unsafe { KeGetCurrentProcessorNumberEx(&raw mut number) };
    let mut here = GROUP_AFFINITY {
        Mask: 1_u64.checked_shl(u32::from(number.Number)).unwrap_or(1),
        Group: number.Group,
        ..GROUP_AFFINITY::default()
    };
    let mut before = GROUP_AFFINITY::default();
    // SAFETY: both structures are ours, and the processor exists, as this thread has just run on it.
    unsafe { KeSetSystemGroupAffinityThread(&raw mut here, &raw mut before) };
    let result = work();
    // SAFETY: what the call above returned; nothing between them unwinds.
    unsafe { KeRevertToUserGroupAffinityThread(&raw mut before) };
    result
}

/// Runs `work`, which flushes and then drains.
///
/// On x64 it may change processors: a context switch executes locked instructions, which order
/// every flush before them (nvmem, `ordering.md`).
#[cfg(target_arch = "x86_64")]
pub fn stay<T>(work: impl FnOnce() -> T) -> T {
    work()
}
