//! Which processor a thread runs on.

use wdk_sys::{GROUP_AFFINITY, PROCESSOR_NUMBER};

unsafe extern "system" {
    fn KeGetCurrentProcessorNumberEx(number: *mut PROCESSOR_NUMBER) -> u32;
    fn KeSetSystemGroupAffinityThread(new: *mut GROUP_AFFINITY, old: *mut GROUP_AFFINITY);
    fn KeRevertToUserGroupAffinityThread(old: *mut GROUP_AFFINITY);
}

/// A logical processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Processor {
    group: u16,
    number: u8,
}

impl Processor {
    /// The one that this thread runs on, which it may leave at any moment. Any IRQL
    /// (nf-ntddk-kegetcurrentprocessornumberex).
    pub fn current() -> Self {
        let mut number = PROCESSOR_NUMBER::default();
        // SAFETY: the structure is ours.
        unsafe { KeGetCurrentProcessorNumberEx(&raw mut number) };
        Self {
            group: number.Group,
            number: number.Number,
        }
    }

    /// Runs `work` on this processor. IRQL <= APC_LEVEL.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let mut here = GROUP_AFFINITY {
            Mask: 1_u64.checked_shl(u32::from(self.number)).unwrap_or(1),
            Group: self.group,
            ..GROUP_AFFINITY::default()
        };
        let mut before = GROUP_AFFINITY::default();
        // SAFETY: both structures are ours, and the processor exists, as a thread has run on it.
        unsafe { KeSetSystemGroupAffinityThread(&raw mut here, &raw mut before) };
        let result = work();
        // SAFETY: what the call above returned; nothing between them unwinds.
        unsafe { KeRevertToUserGroupAffinityThread(&raw mut before) };
        result
    }
}

/// Runs `work`, which flushes and then drains, without changing processors. IRQL <= APC_LEVEL.
///
/// A drain (DSB) completes the cache maintenance of the processor that executes it
/// (Arm Architecture Reference Manual, "Ordering and completion of data and instruction cache
/// instructions"). That a context switch executes one is likely and nowhere documented.
#[cfg(target_arch = "aarch64")]
pub fn stay<T>(work: impl FnOnce() -> T) -> T {
    Processor::current().run(work)
}

/// Runs `work`, which flushes and then drains.
///
/// On x64 it may change processors: a context switch executes locked instructions, which order
/// every flush before them (nvmem, `ordering.md`).
#[cfg(target_arch = "x86_64")]
pub fn stay<T>(work: impl FnOnce() -> T) -> T {
    work()
}
