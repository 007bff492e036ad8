//! Routines of fltmgr.sys for the completion of operations.

use super::{code, imports};
use crate::{
    NtStatus,
    deferred::{self, SafeCompletion},
};

imports! {
    /// nf-fltkernel-fltisoperationsynchronous
    FltIsOperationSynchronous(data: usize) -> u8, HIGH_LEVEL, |_kernel| {
        // SAFETY: the driver's callback data.
        u8::from(unsafe { deferred::is_synchronous(data) })
    }
    /// nf-fltkernel-fltallocatedeferredioworkitem
    FltAllocateDeferredIoWorkItem() -> usize, DISPATCH_LEVEL, |kernel| {
        if kernel.fails("FltAllocateDeferredIoWorkItem") {
            0
        } else {
            kernel.allocate_work_item()
        }
    }
    /// nf-fltkernel-fltfreedeferredioworkitem
    FltFreeDeferredIoWorkItem(item: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.free_work_item(item);
    }
    /// nf-fltkernel-fltqueuedeferredioworkitem
    FltQueueDeferredIoWorkItem(
        item: usize, data: usize, routine: usize, queue: u32, context: usize
    ) -> i32, DISPATCH_LEVEL, |kernel| {
        if kernel.fails("FltQueueDeferredIoWorkItem") {
            return NtStatus::FLT_NOT_SAFE_TO_POST_OPERATION.0;
        }
        code(kernel.queue_work_item(item, data, routine, queue, context))
    }
    /// nf-fltkernel-fltcompletependedpostoperation
    FltCompletePendedPostOperation(data: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.complete_pended_post_operation(data);
    }
    /// nf-fltkernel-fltcompletependedpreoperation
    FltCompletePendedPreOperation(data: usize, status: i32, context: usize) -> (),
        DISPATCH_LEVEL, |kernel| {
        kernel.complete_pended_pre_operation(data, status, context);
    }
    /// nf-fltkernel-fltdocompletionprocessingwhensafe
    FltDoCompletionProcessingWhenSafe(
        data: usize, objects: usize, context: usize, flags: u32, routine: usize,
        status: *mut i32
    ) -> u8, HIGH_LEVEL, |kernel| {
        let safe = SafeCompletion { data, objects, context, flags, routine };
        let (done, returned) = kernel.complete_when_safe(safe);
        // SAFETY: the driver's out parameter.
        unsafe { status.write(returned) };
        u8::from(done)
    }
}
