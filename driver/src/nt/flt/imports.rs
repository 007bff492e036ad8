//! Routines of fltmgr.sys. Each is on the reference page nf-fltkernel-NAME; the IRQL is from there.

use super::{
    FLT_CONTEXT_TYPE, FLT_FILE_NAME_INFORMATION, FLT_REGISTRATION, FLT_SET_CONTEXT_OPERATION,
    FLT_VOLUME_PROPERTIES, PFLT_CALLBACK_DATA, PFLT_CONTEXT, PFLT_DEFERRED_IO_WORKITEM,
    PFLT_FILTER, PFLT_INSTANCE, PFLT_VOLUME,
};
use wdk_sys::{
    ACCESS_MASK, BOOLEAN, HANDLE, LARGE_INTEGER, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT,
    PFILE_OBJECT, POBJECT_ATTRIBUTES, POOL_TYPE, PUNICODE_STRING, PVOID, ULONG, ULONG_PTR,
};

unsafe extern "system" {
    /// IRQL <= APC_LEVEL.
    pub fn FltRegisterFilter(
        driver: PDRIVER_OBJECT,
        registration: *const FLT_REGISTRATION,
        filter: *mut PFLT_FILTER,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltStartFiltering(filter: PFLT_FILTER) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltUnregisterFilter(filter: PFLT_FILTER);
    /// IRQL <= APC_LEVEL.
    pub fn FltAllocateContext(
        filter: PFLT_FILTER,
        kind: FLT_CONTEXT_TYPE,
        size: usize,
        pool: POOL_TYPE,
        context: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    /// IRQL <= DISPATCH_LEVEL for contexts in non-paged pool.
    pub fn FltReleaseContext(context: PFLT_CONTEXT);
    /// IRQL <= APC_LEVEL.
    pub fn FltGetStreamContext(
        instance: PFLT_INSTANCE,
        file: PFILE_OBJECT,
        context: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltSetStreamContext(
        instance: PFLT_INSTANCE,
        file: PFILE_OBJECT,
        operation: FLT_SET_CONTEXT_OPERATION,
        new: PFLT_CONTEXT,
        old: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetInstanceContext(instance: PFLT_INSTANCE, context: *mut PFLT_CONTEXT) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltSetInstanceContext(
        instance: PFLT_INSTANCE,
        operation: FLT_SET_CONTEXT_OPERATION,
        new: PFLT_CONTEXT,
        old: *mut PFLT_CONTEXT,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetVolumeProperties(
        volume: PFLT_VOLUME,
        properties: *mut FLT_VOLUME_PROPERTIES,
        length: ULONG,
        returned: *mut ULONG,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetVolumeFromFileObject(
        filter: PFLT_FILTER,
        file: PFILE_OBJECT,
        volume: *mut PFLT_VOLUME,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetVolumeInstanceFromName(
        filter: PFLT_FILTER,
        volume: PFLT_VOLUME,
        name: PCUNICODE_STRING,
        instance: *mut PFLT_INSTANCE,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetVolumeFromInstance(instance: PFLT_INSTANCE, volume: *mut PFLT_VOLUME) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetVolumeName(
        volume: PFLT_VOLUME,
        name: PUNICODE_STRING,
        needed: *mut ULONG,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetFileNameInformation(
        data: PFLT_CALLBACK_DATA,
        options: ULONG,
        information: *mut *mut FLT_FILE_NAME_INFORMATION,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltGetFileNameInformationUnsafe(
        file: PFILE_OBJECT,
        instance: PFLT_INSTANCE,
        options: ULONG,
        information: *mut *mut FLT_FILE_NAME_INFORMATION,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltReleaseFileNameInformation(information: *mut FLT_FILE_NAME_INFORMATION);
    /// IRQL <= DISPATCH_LEVEL.
    pub fn FltObjectDereference(object: PVOID);
    /// IRQL <= APC_LEVEL.
    pub fn FltIsDirectory(
        file: PFILE_OBJECT,
        instance: PFLT_INSTANCE,
        directory: *mut BOOLEAN,
    ) -> NTSTATUS;
    /// IRQL PASSIVE_LEVEL, with APCs enabled.
    pub fn FltQueryInformationFile(
        instance: PFLT_INSTANCE,
        file: PFILE_OBJECT,
        information: PVOID,
        length: ULONG,
        class: i32,
        returned: *mut ULONG,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltRegisterForDataScan(instance: PFLT_INSTANCE) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltCreateSectionForDataScan(
        instance: PFLT_INSTANCE,
        file: PFILE_OBJECT,
        context: PFLT_CONTEXT,
        access: ACCESS_MASK,
        attributes: POBJECT_ATTRIBUTES,
        maximum_size: *mut LARGE_INTEGER,
        protection: ULONG,
        allocation: ULONG,
        flags: ULONG,
        handle: *mut HANDLE,
        object: *mut PVOID,
        file_size: *mut LARGE_INTEGER,
    ) -> NTSTATUS;
    /// IRQL <= APC_LEVEL.
    pub fn FltCloseSectionForDataScan(context: PFLT_CONTEXT) -> NTSTATUS;
    /// Any IRQL.
    pub fn FltIsOperationSynchronous(data: PFLT_CALLBACK_DATA) -> BOOLEAN;
    /// IRQL <= DISPATCH_LEVEL.
    pub fn FltAllocateDeferredIoWorkItem() -> PFLT_DEFERRED_IO_WORKITEM;
    /// IRQL <= DISPATCH_LEVEL.
    pub fn FltFreeDeferredIoWorkItem(item: PFLT_DEFERRED_IO_WORKITEM);
    /// IRQL <= DISPATCH_LEVEL.
    pub fn FltQueueDeferredIoWorkItem(
        item: PFLT_DEFERRED_IO_WORKITEM,
        data: PFLT_CALLBACK_DATA,
        routine: unsafe extern "system" fn(PFLT_DEFERRED_IO_WORKITEM, PFLT_CALLBACK_DATA, PVOID),
        queue: i32,
        context: PVOID,
    ) -> NTSTATUS;
    /// IRQL <= DISPATCH_LEVEL.
    pub fn FltCompletePendedPostOperation(data: PFLT_CALLBACK_DATA);
    /// IRQL <= APC_LEVEL.
    pub fn FltInitializePushLock(lock: *mut ULONG_PTR);
    /// IRQL <= APC_LEVEL.
    pub fn FltDeletePushLock(lock: *mut ULONG_PTR);
    /// IRQL <= APC_LEVEL.
    pub fn FltAcquirePushLockExclusive(lock: *mut ULONG_PTR);
    /// IRQL <= APC_LEVEL.
    pub fn FltAcquirePushLockShared(lock: *mut ULONG_PTR);
    /// IRQL <= APC_LEVEL.
    pub fn FltReleasePushLock(lock: *mut ULONG_PTR);
}
