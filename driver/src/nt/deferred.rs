//! Operations whose completion goes on in a worker thread.

use super::{
    flt::{
        DELAYED_WORK_QUEUE, FltAllocateDeferredIoWorkItem, FltCompletePendedPostOperation,
        FltFreeDeferredIoWorkItem, FltQueueDeferredIoWorkItem, PFLT_CALLBACK_DATA,
        PFLT_DEFERRED_IO_WORKITEM,
    },
    handover::Handover,
    operation::{Operation, set_status},
    request::Request,
    status::NtStatus,
};
use core::{ffi::c_void, hint::black_box};

/// Lets [`Operation::later`] run for a completing operation. IRQL <= DISPATCH_LEVEL.
///
/// # Errors
/// INSUFFICIENT_RESOURCES; FLT_NOT_SAFE_TO_POST_OPERATION and others of the Filter Manager
/// (nf-fltkernel-fltqueuedeferredioworkitem).
///
/// # Safety
/// Called in the operation's post-operation callback, which returns MORE_PROCESSING_REQUIRED if and
/// only if this succeeds.
pub(in crate::nt) unsafe fn queue<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    context: O::Context,
) -> Result<(), NtStatus> {
    // SAFETY: allocates only.
    let item = unsafe { FltAllocateDeferredIoWorkItem() };
    if item.is_null() {
        return Err(NtStatus::INSUFFICIENT_RESOURCES);
    }
    let raw = context.into_raw();
    // SAFETY: a fresh item and the data of an operation that is about to be pended.
    let status =
        unsafe { FltQueueDeferredIoWorkItem(item, data, work::<O>, DELAYED_WORK_QUEUE, raw) };
    NtStatus::check(status).inspect_err(|_| {
        // SAFETY: not queued, so still ours.
        unsafe { FltFreeDeferredIoWorkItem(item) };
        // SAFETY: given up above, and nobody took it.
        drop(unsafe { O::Context::from_raw(raw) });
    })
}

unsafe extern "system" fn work<O: Operation>(
    item: PFLT_DEFERRED_IO_WORKITEM,
    data: PFLT_CALLBACK_DATA,
    context: *mut c_void,
) {
    // SAFETY: the operation is pended until it is completed below.
    let request = unsafe { Request::of_pended(data) };
    // SAFETY: what `queue` passed on, once.
    let context = unsafe { O::Context::from_raw(context) };
    let done = match (request, context) {
        (Some(request), Some(context)) => O::later(&request, context),
        _ => Err(NtStatus::FLT_DELETING_OBJECT),
    };
    if let Err(status) = done {
        // SAFETY: ours until it is completed; the request's borrow has ended.
        unsafe { set_status(data, status) };
    }
    // SAFETY: pended by the post-operation that queued this item; completed once.
    unsafe { FltCompletePendedPostOperation(data) };
    // SAFETY: our own item, whose work is done.
    unsafe { FltFreeDeferredIoWorkItem(item) };
    // The Filter Manager's verifier takes a release in tail position for a leak.
    black_box(&item);
}
