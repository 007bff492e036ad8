//! Routines of ntoskrnl.exe for work items.

use super::imports;
use crate::nt::{get, work_queue_item};

imports! {
    /// nf-wdm-ioallocateworkitem
    IoAllocateWorkItem(device: usize) -> usize, DISPATCH_LEVEL, |kernel| {
        if kernel.fails("IoAllocateWorkItem") { 0 } else { kernel.allocate_io_work_item(device) }
    }
    /// nf-wdm-ioqueueworkitem
    IoQueueWorkItem(item: usize, routine: usize, queue: u32, context: usize) -> (),
        DISPATCH_LEVEL, |kernel| {
        let _ = queue;
        kernel.queue_io_work_item(item, routine, context);
    }
    /// nf-wdm-iofreeworkitem
    IoFreeWorkItem(item: usize) -> (), DISPATCH_LEVEL, |kernel| { kernel.free_io_work_item(item); }
    /// nf-wdm-exqueueworkitem: nothing keeps the driver's image until the routine has returned.
    ExQueueWorkItem(item: usize, queue: u32) -> (), DISPATCH_LEVEL, |kernel| {
        let _ = queue;
        // SAFETY: the driver's WORK_QUEUE_ITEM, in both.
        let routine = unsafe { get(item, work_queue_item::WORKER_ROUTINE) };
        // SAFETY: as above.
        let parameter = unsafe { get(item, work_queue_item::PARAMETER) };
        kernel.queue_without_device(routine, parameter);
    }
}
