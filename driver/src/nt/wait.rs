//! Waiting for a moment.

use wdk_sys::{LARGE_INTEGER, ntddk::KeDelayExecutionThread};

/// Lets other threads go on for a millisecond or more. IRQL <= APC_LEVEL
/// (nf-wdm-kedelayexecutionthread).
pub fn one_millisecond() {
    const KERNEL_MODE: i8 = 0;
    // Negative: relative to now, in units of 100 ns.
    let mut interval = LARGE_INTEGER { QuadPart: -10_000 };
    // SAFETY: the interval is ours; the wait is not alertable.
    let _ = unsafe { KeDelayExecutionThread(KERNEL_MODE as _, 0, &raw mut interval) };
}
