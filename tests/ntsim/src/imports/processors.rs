//! Routines of ntoskrnl.exe for processors. Each thread has one of its own, numbered by the machine in
//! groups of 64.

use super::imports;
use crate::nt::{get, put};
use ntsim_machine::{current_processor, move_to_processor};

/// Processors of a group (ns-miniport-_group_affinity: Mask has a bit for each).
const GROUP: u32 = 64;

/// GROUP_AFFINITY: Mask, then Group.
mod group_affinity {
    pub const MASK: usize = 0;
    pub const GROUP: usize = 8;
}

/// The processor that a GROUP_AFFINITY with one bit names; 0 if it names none.
///
/// # Safety
/// `affinity` is the driver's structure.
unsafe fn processor_of(affinity: usize) -> u32 {
    // SAFETY: the caller's promise.
    let mask: u64 = unsafe { get(affinity, group_affinity::MASK) };
    // SAFETY: as above.
    let group: u16 = unsafe { get(affinity, group_affinity::GROUP) };
    if mask == 0 {
        return 0;
    }
    u32::from(group) * GROUP + mask.trailing_zeros()
}

imports! {
    /// nf-ntddk-kegetcurrentprocessornumberex: PROCESSOR_NUMBER is Group, Number, Reserved.
    KeGetCurrentProcessorNumberEx(number: usize) -> u32, HIGH_LEVEL, |_kernel| {
        let processor = current_processor();
        if number != 0 {
            // SAFETY: the driver's out parameter, in all of these.
            unsafe { put(number, 0, (processor / GROUP) as u16) };
            // SAFETY: as above.
            unsafe { put(number, 2, (processor % GROUP) as u8) };
            // SAFETY: as above.
            unsafe { put(number, 3, 0_u8) };
        }
        processor
    }
    /// nf-ntddk-kesetsystemgroupaffinitythread: the thread runs there from now on. What it returns is
    /// good for the call below only.
    KeSetSystemGroupAffinityThread(affinity: usize, previous: usize) -> (), APC_LEVEL, |kernel| {
        // SAFETY: the driver's structure.
        let (processor, mask): (u32, u64) = unsafe { (processor_of(affinity), get(affinity, 0)) };
        if mask.count_ones() != 1 {
            kernel.violation("processor", "an affinity that names no one processor");
        }
        let before = move_to_processor(processor);
        if previous != 0 {
            let mask = if before == 0 { 0 } else { 1_u64 << (before % GROUP) };
            // SAFETY: the driver's out parameter, in all of these.
            unsafe { put(previous, group_affinity::MASK, mask) };
            // SAFETY: as above.
            unsafe { put(previous, group_affinity::GROUP, (before / GROUP) as u16) };
        }
    }
    /// nf-ntddk-kereverttousergroupaffinitythread
    KeRevertToUserGroupAffinityThread(previous: usize) -> (), APC_LEVEL, |_kernel| {
        // SAFETY: the driver's structure.
        move_to_processor(unsafe { processor_of(previous) });
    }
    /// nf-ntddk-psgetcurrentthreadid
    PsGetCurrentThreadId() -> u64, HIGH_LEVEL, |_kernel| {
        u64::from(ntsim_machine::current_thread()) * 4
    }
}
