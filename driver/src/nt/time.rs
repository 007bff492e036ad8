//! Time.

/// Units of 100 ns since the system was started, sleep left out. Any IRQL
/// (nf-wdm-kequeryinterrupttimeprecise).
pub fn now() -> u64 {
    unsafe extern "system" {
        fn KeQueryInterruptTimePrecise(counter: *mut u64) -> u64;
    }
    let mut counter = 0;
    // SAFETY: the out parameter is ours.
    unsafe { KeQueryInterruptTimePrecise(&raw mut counter) }
}
