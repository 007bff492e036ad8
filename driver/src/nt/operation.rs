//! Operation callbacks as a safe trait.

use super::{
    deferred,
    flt::{
        FLT_OPERATION_REGISTRATION, FLT_POST_OPERATION_FLAGS, FLT_POSTOP_CALLBACK_STATUS,
        FLT_POSTOP_FINISHED_PROCESSING, FLT_POSTOP_MORE_PROCESSING_REQUIRED,
        FLT_PREOP_CALLBACK_STATUS, FLT_PREOP_COMPLETE, FLT_PREOP_SUCCESS_NO_CALLBACK,
        FLT_PREOP_SUCCESS_WITH_CALLBACK, FLT_PREOP_SYNCHRONIZE,
        FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, FLTFL_POST_OPERATION_DRAINING,
        PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA,
    },
    handover::Handover,
    request::Request,
    status::NtStatus,
};
use core::{ffi::c_void, ptr};

/// What a pre-operation callback decides.
pub enum Before<C> {
    /// Goes on, and the post-operation is of no interest.
    Pass,
    /// Goes on; the post-operation follows at IRQL <= DISPATCH_LEVEL, in any thread (that of a
    /// create at PASSIVE_LEVEL, in this one).
    Watch(C),
    /// Goes on; the post-operation follows in this thread at IRQL <= APC_LEVEL. Never for reads and
    /// writes that are asynchronous (nc-fltkernel-pflt_pre_operation_callback).
    Synchronize(C),
    /// Ends here with this failure.
    Fail(NtStatus),
}

/// What a post-operation callback decides.
pub enum After<C> {
    /// There is nothing more to do.
    Done,
    /// The operation ends with this failure, whatever the file system said.
    Fail(NtStatus),
    /// The operation ends when [`Operation::later`] has run at PASSIVE_LEVEL in a worker thread.
    Later(C),
}

/// One major function that the filter watches.
pub trait Operation {
    /// IRP_MJ_XXX.
    const MAJOR: u8;
    /// Leaves out the paging I/O of this operation.
    const SKIP_PAGING_IO: bool = false;
    /// Whether [`Self::after`] is ever asked for. IRP_MJ_SHUTDOWN can have none
    /// (nc-fltkernel-pflt_post_operation_callback).
    const HAS_AFTER: bool = true;
    /// What the pre-operation hands to the post-operation.
    type Context: Handover;

    /// IRQL: that of the major function's dispatch routine, PASSIVE_LEVEL or APC_LEVEL.
    fn before(request: &Request<'_>) -> Before<Self::Context>;

    /// IRQL: see [`Before`]. While the instance is being torn down the operation may still be under
    /// way ([`Request::is_draining`]).
    fn after(_request: &Request<'_>, _context: Self::Context) -> After<Self::Context> {
        After::Done
    }

    /// The rest of an operation that could not be done in [`Self::after`]. IRQL PASSIVE_LEVEL.
    ///
    /// # Errors
    /// What the operation then ends with.
    fn later(_request: &Request<'_>, _context: Self::Context) -> Result<(), NtStatus> {
        Ok(())
    }
}

/// The registration of one operation.
pub(in crate::nt) fn registration<O: Operation>() -> FLT_OPERATION_REGISTRATION {
    FLT_OPERATION_REGISTRATION {
        MajorFunction: O::MAJOR,
        Flags: if O::SKIP_PAGING_IO {
            FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO
        } else {
            0
        },
        PreOperation: Some(pre::<O>),
        PostOperation: O::HAS_AFTER.then_some(post::<O>),
        Reserved1: ptr::null_mut(),
    }
}

unsafe extern "system" fn pre<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    related: PCFLT_RELATED_OBJECTS,
    completion: *mut *mut c_void,
) -> FLT_PREOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager's own pointers, for the time of this call.
    let request = unsafe { Request::new(data, related, false) };
    let (context, status) = match O::before(&request) {
        Before::Pass => return FLT_PREOP_SUCCESS_NO_CALLBACK,
        Before::Watch(context) => (context, FLT_PREOP_SUCCESS_WITH_CALLBACK),
        Before::Synchronize(context) => (context, FLT_PREOP_SYNCHRONIZE),
        Before::Fail(status) => {
            // SAFETY: a filter that completes an operation sets its status first; the request's
            // borrow of the data ends above.
            unsafe { set_status(data, status) };
            return FLT_PREOP_COMPLETE;
        }
    };
    // SAFETY: a place for one pointer, handed to the post-operation.
    unsafe { completion.write(context.into_raw()) };
    status
}

/// # Safety
/// The caller completes the operation, or is called for its completion, and nothing borrows `data`.
pub(in crate::nt) unsafe fn set_status(data: PFLT_CALLBACK_DATA, status: NtStatus) {
    // SAFETY: the caller's promise.
    unsafe { (*data).IoStatus.__bindgen_anon_1.Status = status.raw() };
    // SAFETY: as above.
    unsafe { (*data).IoStatus.Information = 0 };
}

unsafe extern "system" fn post<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    related: PCFLT_RELATED_OBJECTS,
    completion: *mut c_void,
    flags: FLT_POST_OPERATION_FLAGS,
) -> FLT_POSTOP_CALLBACK_STATUS {
    let draining = flags & FLTFL_POST_OPERATION_DRAINING != 0;
    // SAFETY: the Filter Manager's own pointers, for the time of this call.
    let request = unsafe { Request::new(data, related, draining) };
    // SAFETY: what this operation's pre-operation wrote, handed over once.
    let Some(context) = (unsafe { O::Context::from_raw(completion) }) else {
        return FLT_POSTOP_FINISHED_PROCESSING;
    };
    let failure = match O::after(&request, context) {
        After::Done => return FLT_POSTOP_FINISHED_PROCESSING,
        After::Fail(status) => status,
        After::Later(context) => {
            // SAFETY: in the operation's post-operation callback, which then pends it.
            match unsafe { deferred::queue::<O>(data, context) } {
                Ok(()) => return FLT_POSTOP_MORE_PROCESSING_REQUIRED,
                Err(status) => status,
            }
        }
    };
    if !draining {
        // SAFETY: called for its completion; the request's borrow ends above.
        unsafe { set_status(data, failure) };
    }
    FLT_POSTOP_FINISHED_PROCESSING
}
