//! Operation callbacks as a safe trait.

use super::{
    flt::{
        FLT_OPERATION_REGISTRATION, FLT_POST_OPERATION_FLAGS, FLT_POSTOP_CALLBACK_STATUS,
        FLT_POSTOP_FINISHED_PROCESSING, FLT_PREOP_CALLBACK_STATUS, FLT_PREOP_COMPLETE,
        FLT_PREOP_SUCCESS_NO_CALLBACK, FLT_PREOP_SUCCESS_WITH_CALLBACK, FLT_PREOP_SYNCHRONIZE,
        FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO, PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA,
    },
    request::Request,
    shared::Shared,
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
    /// Goes on; the post-operation follows in this thread at IRQL <= APC_LEVEL.
    Synchronize(C),
    /// Ends here with this failure.
    Fail(NtStatus),
}

/// What can travel from a pre-operation to its post-operation as one pointer.
pub trait Handover: Sized {
    fn into_raw(self) -> *mut c_void;

    /// # Safety
    /// `raw` comes from [`Self::into_raw`] and is taken back once.
    unsafe fn from_raw(raw: *mut c_void) -> Option<Self>;
}

impl Handover for () {
    fn into_raw(self) -> *mut c_void {
        ptr::null_mut()
    }

    unsafe fn from_raw(_: *mut c_void) -> Option<Self> {
        Some(())
    }
}

impl<T> Handover for Shared<T> {
    fn into_raw(self) -> *mut c_void {
        Self::into_raw(self)
    }

    unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw(raw) }
    }
}

/// One major function that the filter watches.
pub trait Operation {
    /// IRP_MJ_XXX.
    const MAJOR: u8;
    /// Leaves out the paging I/O of this operation.
    const SKIP_PAGING_IO: bool = false;
    /// What the pre-operation hands to the post-operation.
    type Context: Handover;

    /// IRQL: that of the major function's dispatch routine, PASSIVE_LEVEL or APC_LEVEL.
    fn before(request: &Request<'_>) -> Before<Self::Context>;

    /// IRQL: see [`Before`].
    fn after(_request: &Request<'_>, _context: Self::Context) {}
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
        PostOperation: Some(post::<O>),
        Reserved1: ptr::null_mut(),
    }
}

unsafe extern "system" fn pre<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    related: PCFLT_RELATED_OBJECTS,
    completion: *mut *mut c_void,
) -> FLT_PREOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager's own pointers, for the time of this call.
    let request = unsafe { Request::new(data, related) };
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

unsafe fn set_status(data: PFLT_CALLBACK_DATA, status: NtStatus) {
    // SAFETY: the caller completes the operation and owns its IoStatus.
    unsafe { (*data).IoStatus.__bindgen_anon_1.Status = status.raw() };
    // SAFETY: as above.
    unsafe { (*data).IoStatus.Information = 0 };
}

unsafe extern "system" fn post<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    related: PCFLT_RELATED_OBJECTS,
    completion: *mut c_void,
    _flags: FLT_POST_OPERATION_FLAGS,
) -> FLT_POSTOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager's own pointers, for the time of this call.
    let request = unsafe { Request::new(data, related) };
    // SAFETY: what this operation's pre-operation wrote, handed over once. While the instance is
    // being torn down (draining) the operation may still be under way; recording it is right then
    // too, because its data may reach the file.
    if let Some(context) = unsafe { O::Context::from_raw(completion) } {
        O::after(&request, context);
    }
    FLT_POSTOP_FINISHED_PROCESSING
}
