//! Registration with the Filter Manager, and its callbacks as a safe trait.

use super::{
    context,
    flt::{
        FLT_CONTEXT_END, FLT_CONTEXT_REGISTRATION, FLT_CONTEXT_TYPE, FLT_FILESYSTEM_TYPE,
        FLT_FILTER_UNLOAD_FLAGS, FLT_FSTYPE_NTFS, FLT_INSTANCE_CONTEXT,
        FLT_INSTANCE_QUERY_TEARDOWN_FLAGS, FLT_INSTANCE_SETUP_FLAGS, FLT_INSTANCE_TEARDOWN_FLAGS,
        FLT_OPERATION_REGISTRATION, FLT_REGISTRATION, FLT_REGISTRATION_VERSION,
        FLT_SECTION_CONTEXT, FLT_STREAM_CONTEXT, FLTFL_FILTER_UNLOAD_MANDATORY,
        FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME, FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME,
        FltRegisterFilter, FltStartFiltering, FltUnregisterFilter, IRP_MJ_OPERATION_END,
        PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA, PFLT_CONTEXT, PFLT_FILTER, PFLT_INSTANCE,
    },
    instance::{self, Instance},
    operation::{self, Operation},
    section::{self, SectionPayload},
    shared::Shared,
    status::NtStatus,
};
use core::{
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};
use wdk_sys::{DRIVER_OBJECT, NTSTATUS, ULONG};

/// Pool tag of every context ('DaxF').
const POOL_TAG: ULONG = u32::from_le_bytes(*b"DaxF");

/// What instance setup is told about a volume.
pub struct VolumeFacts {
    pub is_dax: bool,
    pub is_ntfs: bool,
    /// Nothing on the volume was opened before.
    pub is_newly_mounted: bool,
}

/// The filter's side of the Filter Manager's callbacks. IRQL PASSIVE_LEVEL unless said otherwise.
pub trait Minifilter: 'static {
    /// Value of a stream context.
    type Stream: Send + Sync;
    /// Value of an instance context.
    type Volume: Send + Sync;

    /// Decides whether to attach; an error means not to.
    fn attach(
        instance: Instance<'_>,
        facts: &VolumeFacts,
    ) -> Result<Shared<Self::Volume>, NtStatus>;
    /// Somebody asks to detach from the volume; `false` declines.
    fn may_detach(volume: &Self::Volume) -> bool;
    /// The instance is about to stop, or (`drained`) no callback will come for it any more.
    fn detach(volume: &Self::Volume, drained: bool);
    /// The stream's context is being freed. IRQL <= APC_LEVEL.
    fn stream_gone(stream: &Shared<Self::Stream>);
    /// The file system cannot go on while a section of this stream is open. IRQL undocumented.
    fn section_conflict(stream: &Self::Stream);
    /// The filter is asked to unload and may decline if not `mandatory`.
    fn may_unload(mandatory: bool) -> bool;
    /// The filter is being unloaded; called before and after all instances are gone.
    fn unload(unregister: impl FnOnce());
}

/// The registered filter, from [`register`] until it is unloaded.
static FILTER: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// The registered filter.
pub(in crate::nt) fn filter() -> Option<PFLT_FILTER> {
    let filter = FILTER.load(Ordering::Acquire);
    (!filter.is_null()).then(|| filter.cast())
}

/// The operations to watch, as a list of types.
pub trait Operations {
    const COUNT: usize;
    fn fill(table: &mut [FLT_OPERATION_REGISTRATION]);
}

impl Operations for () {
    const COUNT: usize = 0;
    fn fill(_: &mut [FLT_OPERATION_REGISTRATION]) {}
}

impl<O: Operation, Rest: Operations> Operations for (O, Rest) {
    const COUNT: usize = Rest::COUNT + 1;
    fn fill(table: &mut [FLT_OPERATION_REGISTRATION]) {
        if let Some((first, rest)) = table.split_first_mut() {
            *first = operation::registration::<O>();
            Rest::fill(rest);
        }
    }
}

/// A list of operations as one type.
macro_rules! operations {
    () => { () };
    ($first:ty $(, $rest:ty)* $(,)?) => {
        ($first, $crate::nt::minifilter::operations![$($rest),*])
    };
}
pub(crate) use operations;

/// Most operations that one filter here can watch.
const MAX_OPERATIONS: usize = 15;

/// Registers the filter. The Filter Manager copies the tables.
pub(in crate::nt) fn register<F: Minifilter, O: Operations>(
    driver: &mut DRIVER_OBJECT,
) -> Result<(), NtStatus> {
    const { assert!(O::COUNT <= MAX_OPERATIONS) };
    let end = FLT_OPERATION_REGISTRATION {
        MajorFunction: IRP_MJ_OPERATION_END,
        Flags: 0,
        PreOperation: None,
        PostOperation: None,
        Reserved1: ptr::null_mut(),
    };
    let mut operations = [end; MAX_OPERATIONS + 1];
    O::fill(operations.get_mut(..O::COUNT).unwrap_or_default());
    let contexts = context_table::<F>();
    let registration = FLT_REGISTRATION {
        Size: size_of::<FLT_REGISTRATION>() as u16,
        Version: FLT_REGISTRATION_VERSION,
        Flags: FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME,
        ContextRegistration: contexts.as_ptr(),
        OperationRegistration: operations.as_ptr(),
        FilterUnloadCallback: Some(unload::<F>),
        InstanceSetupCallback: Some(instance_setup::<F>),
        InstanceQueryTeardownCallback: Some(instance_query_teardown::<F>),
        InstanceTeardownStartCallback: Some(instance_teardown_start::<F>),
        InstanceTeardownCompleteCallback: Some(instance_teardown_complete::<F>),
        SectionNotificationCallback: Some(section_conflict::<F>),
        ..FLT_REGISTRATION::EMPTY
    };
    let mut filter: PFLT_FILTER = ptr::null_mut();
    // SAFETY: our driver object, and tables that live until the call has copied them.
    NtStatus::check(unsafe {
        FltRegisterFilter(driver, &raw const registration, &raw mut filter)
    })?;
    FILTER.store(filter.cast(), Ordering::Release);
    Ok(())
}

/// Lets callbacks begin; instances are set up for mounted volumes before it returns.
pub(in crate::nt) fn start() -> Result<(), NtStatus> {
    let filter = filter().ok_or(NtStatus::INVALID_PARAMETER)?;
    // SAFETY: registered above and not unregistered.
    NtStatus::check(unsafe { FltStartFiltering(filter) })
}

/// Ends all callbacks and instances; waits for those under way. Does nothing the second time.
pub(in crate::nt) fn unregister() {
    let filter = FILTER.swap(ptr::null_mut(), Ordering::AcqRel);
    if !filter.is_null() {
        // SAFETY: registered, and the swap lets one caller only come here.
        unsafe { FltUnregisterFilter(filter.cast()) };
    }
}

fn context_table<F: Minifilter>() -> [FLT_CONTEXT_REGISTRATION; 4] {
    let entry = |kind, size, cleanup| FLT_CONTEXT_REGISTRATION {
        ContextType: kind,
        Flags: 0,
        ContextCleanupCallback: cleanup,
        Size: size,
        PoolTag: POOL_TAG,
        ContextAllocateCallback: None,
        ContextFreeCallback: None,
        Reserved1: ptr::null_mut(),
    };
    let payload = size_of::<context::Payload>();
    [
        entry(FLT_STREAM_CONTEXT, payload, Some(stream_cleanup::<F>)),
        entry(FLT_INSTANCE_CONTEXT, payload, Some(instance_cleanup::<F>)),
        entry(
            FLT_SECTION_CONTEXT,
            size_of::<SectionPayload>(),
            Some(section_cleanup::<F>),
        ),
        entry(FLT_CONTEXT_END, 0, None),
    ]
}

unsafe extern "system" fn instance_setup<F: Minifilter>(
    related: PCFLT_RELATED_OBJECTS,
    flags: FLT_INSTANCE_SETUP_FLAGS,
    _device_type: u32,
    file_system: FLT_FILESYSTEM_TYPE,
) -> NTSTATUS {
    // SAFETY: valid for the callback.
    let related = unsafe { &*related };
    // SAFETY: the instance is being set up and stays for the callback's time.
    let instance = unsafe { Instance::lent(related.Filter, related.Instance) };
    // SAFETY: the volume stays for the callback's time; IRQL PASSIVE_LEVEL.
    let is_dax = unsafe { instance::is_dax(related.Volume) };
    let facts = VolumeFacts {
        is_dax,
        is_ntfs: file_system == FLT_FSTYPE_NTFS,
        is_newly_mounted: flags & FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME != 0,
    };
    let attached = F::attach(instance, &facts).and_then(|volume| {
        context::set_instance(instance, volume.clone()).inspect_err(|_| F::detach(&volume, true))
    });
    attached.map_or(NtStatus::FLT_DO_NOT_ATTACH.raw(), |()| {
        NtStatus::SUCCESS.raw()
    })
}

unsafe extern "system" fn instance_query_teardown<F: Minifilter>(
    related: PCFLT_RELATED_OBJECTS,
    _flags: FLT_INSTANCE_QUERY_TEARDOWN_FLAGS,
) -> NTSTATUS {
    // SAFETY: valid for the callback.
    let related = unsafe { &*related };
    // SAFETY: the instance stays for the callback's time.
    let instance = unsafe { Instance::lent(related.Filter, related.Instance) };
    let may = context::instance::<F::Volume>(instance).is_none_or(|volume| F::may_detach(&volume));
    if may {
        NtStatus::SUCCESS.raw()
    } else {
        NtStatus::FLT_DO_NOT_DETACH.raw()
    }
}

unsafe extern "system" fn instance_teardown_start<F: Minifilter>(
    related: PCFLT_RELATED_OBJECTS,
    _reason: FLT_INSTANCE_TEARDOWN_FLAGS,
) {
    // SAFETY: the Filter Manager's own pointer, for the time of this call.
    unsafe { detach::<F>(related, false) };
}

unsafe extern "system" fn instance_teardown_complete<F: Minifilter>(
    related: PCFLT_RELATED_OBJECTS,
    _reason: FLT_INSTANCE_TEARDOWN_FLAGS,
) {
    // SAFETY: the Filter Manager's own pointer, for the time of this call.
    unsafe { detach::<F>(related, true) };
}

/// # Safety
/// `related` is what the Filter Manager passed to a teardown callback under way.
unsafe fn detach<F: Minifilter>(related: PCFLT_RELATED_OBJECTS, drained: bool) {
    // SAFETY: the caller's promise.
    let related = unsafe { &*related };
    // SAFETY: the instance stays until its teardown has completed.
    let instance = unsafe { Instance::lent(related.Filter, related.Instance) };
    if let Some(volume) = context::instance::<F::Volume>(instance) {
        F::detach(&volume, drained);
    }
}

unsafe extern "system" fn stream_cleanup<F: Minifilter>(
    context: PFLT_CONTEXT,
    _kind: FLT_CONTEXT_TYPE,
) {
    // SAFETY: a stream context of this filter, in its cleanup callback.
    if let Some(stream) = unsafe { context::take::<F::Stream>(context) } {
        F::stream_gone(&stream);
    }
}

unsafe extern "system" fn instance_cleanup<F: Minifilter>(
    context: PFLT_CONTEXT,
    _kind: FLT_CONTEXT_TYPE,
) {
    // SAFETY: an instance context of this filter, in its cleanup callback.
    drop(unsafe { context::take::<F::Volume>(context) });
}

unsafe extern "system" fn section_cleanup<F: Minifilter>(
    context: PFLT_CONTEXT,
    _kind: FLT_CONTEXT_TYPE,
) {
    // SAFETY: a section context of this filter, in its cleanup callback.
    drop(unsafe { section::take_owner::<F::Stream>(context) });
}

unsafe extern "system" fn section_conflict<F: Minifilter>(
    _instance: PFLT_INSTANCE,
    context: PFLT_CONTEXT,
    _data: PFLT_CALLBACK_DATA,
) -> NTSTATUS {
    // SAFETY: a section context of this filter, referenced for the callback's time.
    if let Some(stream) = unsafe { section::note_conflict::<F::Stream>(context) } {
        F::section_conflict(&stream);
    }
    NtStatus::SUCCESS.raw()
}

unsafe extern "system" fn unload<F: Minifilter>(flags: FLT_FILTER_UNLOAD_FLAGS) -> NTSTATUS {
    let mandatory = flags & FLTFL_FILTER_UNLOAD_MANDATORY != 0;
    if !F::may_unload(mandatory) {
        return NtStatus::FLT_DO_NOT_DETACH.raw();
    }
    F::unload(unregister);
    NtStatus::SUCCESS.raw()
}
