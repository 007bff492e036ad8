//! What the filter tells the Filter Manager about itself.

use super::{
    FLT_CONTEXT_TYPE, FLT_FILESYSTEM_TYPE, FLT_FILTER_UNLOAD_FLAGS,
    FLT_INSTANCE_QUERY_TEARDOWN_FLAGS, FLT_INSTANCE_SETUP_FLAGS, FLT_INSTANCE_TEARDOWN_FLAGS,
    FLT_POST_OPERATION_FLAGS, FLT_POSTOP_CALLBACK_STATUS, FLT_PREOP_CALLBACK_STATUS,
    PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA, PFLT_CONTEXT, PFLT_INSTANCE,
};
use core::ptr;
use wdk_sys::{NTSTATUS, PVOID, UCHAR, ULONG, USHORT};

/// nc-fltkernel-pflt_pre_operation_callback
pub type PFLT_PRE_OPERATION_CALLBACK = Option<
    unsafe extern "system" fn(
        PFLT_CALLBACK_DATA,
        PCFLT_RELATED_OBJECTS,
        *mut PVOID,
    ) -> FLT_PREOP_CALLBACK_STATUS,
>;
/// nc-fltkernel-pflt_post_operation_callback
pub type PFLT_POST_OPERATION_CALLBACK = Option<
    unsafe extern "system" fn(
        PFLT_CALLBACK_DATA,
        PCFLT_RELATED_OBJECTS,
        PVOID,
        FLT_POST_OPERATION_FLAGS,
    ) -> FLT_POSTOP_CALLBACK_STATUS,
>;

/// ns-fltkernel-_flt_operation_registration
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_OPERATION_REGISTRATION {
    pub MajorFunction: UCHAR,
    pub Flags: ULONG,
    pub PreOperation: PFLT_PRE_OPERATION_CALLBACK,
    pub PostOperation: PFLT_POST_OPERATION_CALLBACK,
    pub Reserved1: PVOID,
}

/// ns-fltkernel-_flt_context_registration
#[repr(C)]
pub struct FLT_CONTEXT_REGISTRATION {
    pub ContextType: FLT_CONTEXT_TYPE,
    pub Flags: USHORT,
    pub ContextCleanupCallback: Option<unsafe extern "system" fn(PFLT_CONTEXT, FLT_CONTEXT_TYPE)>,
    pub Size: usize,
    pub PoolTag: ULONG,
    pub ContextAllocateCallback: Unused,
    pub ContextFreeCallback: Unused,
    pub Reserved1: PVOID,
}

/// A callback that this driver leaves out.
pub type Unused = Option<unsafe extern "system" fn()>;

/// ns-fltkernel-_flt_registration
#[repr(C)]
pub struct FLT_REGISTRATION {
    pub Size: USHORT,
    pub Version: USHORT,
    pub Flags: ULONG,
    pub ContextRegistration: *const FLT_CONTEXT_REGISTRATION,
    pub OperationRegistration: *const FLT_OPERATION_REGISTRATION,
    pub FilterUnloadCallback:
        Option<unsafe extern "system" fn(FLT_FILTER_UNLOAD_FLAGS) -> NTSTATUS>,
    pub InstanceSetupCallback: Option<
        unsafe extern "system" fn(
            PCFLT_RELATED_OBJECTS,
            FLT_INSTANCE_SETUP_FLAGS,
            ULONG,
            FLT_FILESYSTEM_TYPE,
        ) -> NTSTATUS,
    >,
    pub InstanceQueryTeardownCallback: Option<
        unsafe extern "system" fn(
            PCFLT_RELATED_OBJECTS,
            FLT_INSTANCE_QUERY_TEARDOWN_FLAGS,
        ) -> NTSTATUS,
    >,
    pub InstanceTeardownStartCallback:
        Option<unsafe extern "system" fn(PCFLT_RELATED_OBJECTS, FLT_INSTANCE_TEARDOWN_FLAGS)>,
    pub InstanceTeardownCompleteCallback:
        Option<unsafe extern "system" fn(PCFLT_RELATED_OBJECTS, FLT_INSTANCE_TEARDOWN_FLAGS)>,
    pub GenerateFileNameCallback: Unused,
    pub NormalizeNameComponentCallback: Unused,
    pub NormalizeContextCleanupCallback: Unused,
    pub TransactionNotificationCallback: Unused,
    pub NormalizeNameComponentExCallback: Unused,
    pub SectionNotificationCallback: Option<
        unsafe extern "system" fn(PFLT_INSTANCE, PFLT_CONTEXT, PFLT_CALLBACK_DATA) -> NTSTATUS,
    >,
}

impl FLT_REGISTRATION {
    pub const EMPTY: Self = Self {
        Size: 0,
        Version: 0,
        Flags: 0,
        ContextRegistration: ptr::null(),
        OperationRegistration: ptr::null(),
        FilterUnloadCallback: None,
        InstanceSetupCallback: None,
        InstanceQueryTeardownCallback: None,
        InstanceTeardownStartCallback: None,
        InstanceTeardownCompleteCallback: None,
        GenerateFileNameCallback: None,
        NormalizeNameComponentCallback: None,
        NormalizeContextCleanupCallback: None,
        TransactionNotificationCallback: None,
        NormalizeNameComponentExCallback: None,
        SectionNotificationCallback: None,
    };
}
