//! Filter Manager contexts that carry one [`Shared`] value each.

use super::{
    file::FileRef,
    flt::{
        FLT_CONTEXT_TYPE, FLT_INSTANCE_CONTEXT, FLT_SET_CONTEXT_KEEP_IF_EXISTS, FLT_STREAM_CONTEXT,
        FltAllocateContext, FltGetInstanceContext, FltGetStreamContext, FltReleaseContext,
        FltSetInstanceContext, FltSetStreamContext, PFLT_CONTEXT,
    },
    instance::Instance,
    shared::Shared,
    status::NtStatus,
};
use core::{ffi::c_void, hint::black_box, ptr};

/// NonPagedPoolNx (ne-wdm-_pool_type).
const NON_PAGED_POOL_NX: i32 = 512;

/// The memory of a stream or instance context: a reference to the value, or null.
pub(in crate::nt) type Payload = *mut c_void;

/// A reference to a context, given back when dropped. IRQL <= APC_LEVEL.
pub(in crate::nt) struct ContextReference(pub(in crate::nt) PFLT_CONTEXT);

impl ContextReference {
    pub fn allocate(
        instance: Instance<'_>,
        kind: FLT_CONTEXT_TYPE,
        size: usize,
    ) -> Result<Self, NtStatus> {
        let mut context: PFLT_CONTEXT = ptr::null_mut();
        // SAFETY: a registered context type, of the registered size.
        let status = unsafe {
            FltAllocateContext(
                instance.filter,
                kind,
                size,
                NON_PAGED_POOL_NX,
                &raw mut context,
            )
        };
        NtStatus::check(status)?;
        // SAFETY: the context has `size` bytes.
        unsafe { ptr::write_bytes(context.cast::<u8>(), 0, size) };
        Ok(Self(context))
    }

    fn value<T>(&self) -> Option<Shared<T>> {
        // SAFETY: our contexts hold a payload, written before the context was set.
        let payload = unsafe { self.0.cast::<Payload>().read() };
        // SAFETY: the payload is taken back in the cleanup callback only, after the last reference.
        unsafe { Shared::clone_raw(payload) }
    }

    fn store<T>(&self, value: Shared<T>) {
        // SAFETY: freshly allocated and not visible to anybody else.
        unsafe { self.0.cast::<Payload>().write(value.into_raw()) };
    }
}

impl Drop for ContextReference {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that this value stands for.
        unsafe { FltReleaseContext(self.0) };
        // The Filter Manager's verifier takes a release in tail position for a leak.
        black_box(&self.0);
    }
}

/// The value of `file`'s stream, if it has one. IRQL <= APC_LEVEL.
pub fn stream<T>(instance: Instance<'_>, file: FileRef<'_>) -> Option<Shared<T>> {
    let mut context: PFLT_CONTEXT = ptr::null_mut();
    // SAFETY: a valid instance and a referenced file object.
    let status = unsafe { FltGetStreamContext(instance.raw, file.as_ptr(), &raw mut context) };
    NtStatus::check(status).ok()?;
    ContextReference(context).value()
}

/// The value of `file`'s stream, made by `make` if it has none: the first of several racing
/// callers wins, and all get the winner's. IRQL <= APC_LEVEL.
pub fn stream_or_make<T>(
    instance: Instance<'_>,
    file: FileRef<'_>,
    make: impl FnOnce() -> Result<Shared<T>, NtStatus>,
) -> Result<Shared<T>, NtStatus> {
    if let Some(value) = stream(instance, file) {
        return Ok(value);
    }
    // The context first: once made, the value is known elsewhere, and only a context that is freed
    // makes it forgotten.
    let size = size_of::<Payload>();
    let context = ContextReference::allocate(instance, FLT_STREAM_CONTEXT, size)?;
    let value = make()?;
    context.store(value.clone());
    let mut winner: PFLT_CONTEXT = ptr::null_mut();
    // SAFETY: as above; the context was allocated for streams.
    let status = unsafe {
        FltSetStreamContext(
            instance.raw,
            file.as_ptr(),
            FLT_SET_CONTEXT_KEEP_IF_EXISTS,
            context.0,
            &raw mut winner,
        )
    };
    match NtStatus::check(status) {
        Ok(()) => Ok(value),
        Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED) if !winner.is_null() => ContextReference(winner)
            .value()
            .ok_or(NtStatus::FLT_DELETING_OBJECT),
        Err(status) => Err(status),
    }
}

/// The value of an instance. IRQL <= APC_LEVEL.
pub fn instance<T>(instance: Instance<'_>) -> Option<Shared<T>> {
    let mut context: PFLT_CONTEXT = ptr::null_mut();
    // SAFETY: a valid instance.
    let status = unsafe { FltGetInstanceContext(instance.raw, &raw mut context) };
    NtStatus::check(status).ok()?;
    ContextReference(context).value()
}

/// Gives an instance its value, in instance setup. IRQL <= APC_LEVEL.
pub fn set_instance<T>(instance: Instance<'_>, value: Shared<T>) -> Result<(), NtStatus> {
    let size = size_of::<Payload>();
    let context = ContextReference::allocate(instance, FLT_INSTANCE_CONTEXT, size)?;
    context.store(value);
    // SAFETY: a valid instance and a context allocated for instances.
    NtStatus::check(unsafe {
        FltSetInstanceContext(
            instance.raw,
            FLT_SET_CONTEXT_KEEP_IF_EXISTS,
            context.0,
            ptr::null_mut(),
        )
    })
}

/// Takes back the value of a context that is being freed.
///
/// # Safety
/// Called once, from the cleanup callback of a stream or instance context of this `T`.
pub(in crate::nt) unsafe fn take<T>(context: PFLT_CONTEXT) -> Option<Shared<T>> {
    // SAFETY: our contexts hold a payload.
    let payload = unsafe { context.cast::<Payload>().read() };
    // SAFETY: the caller's promise.
    unsafe { Shared::from_raw(payload) }
}
