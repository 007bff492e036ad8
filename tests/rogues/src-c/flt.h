/*
 * What rogues use of contexts, sections, names, objects, handles and work items: the documented
 * declarations, transcribed in C from the driver reference.
 */
#include "rogue.h"

enum { FLT_SECTION_CONTEXT = 0x40, FLT_SET_CONTEXT_KEEP_IF_EXISTS = 1 };
enum { SL_PENDING_RETURNED = 1, DelayedWorkQueue = 1, OBJ_KERNEL_HANDLE = 0x200, UserMode = 1,
       KEY_READ = 0x20019, SECTION_MAP_READ = 4, SECTION_QUERY = 1, PAGE_READONLY = 2, PAGE_READWRITE = 4,
       SEC_COMMIT = 0x8000000 };
#define STATUS_FLT_CONTEXT_ALREADY_DEFINED ((NTSTATUS)0xC01C0002)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#define CURRENT_PROCESS ((HANDLE)(LONGLONG)-1)

/* ns-wudfwdm-_object_attributes */
typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    UNICODE_STRING *ObjectName;
    ULONG Attributes;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES;

IMPORT NTSTATUS FltAllocateContext(PFLT_FILTER, USHORT, SIZE_T, ULONG, PVOID *);
IMPORT void FltReleaseContext(PVOID);
IMPORT NTSTATUS FltSetStreamContext(PFLT_INSTANCE, PFILE_OBJECT, ULONG, PVOID, PVOID *);
IMPORT NTSTATUS FltGetStreamContext(PFLT_INSTANCE, PFILE_OBJECT, PVOID *);
IMPORT NTSTATUS FltSetInstanceContext(PFLT_INSTANCE, ULONG, PVOID, PVOID *);
IMPORT NTSTATUS FltRegisterForDataScan(PFLT_INSTANCE);
IMPORT NTSTATUS FltCreateSectionForDataScan(PFLT_INSTANCE, PFILE_OBJECT, PVOID, ULONG, OBJECT_ATTRIBUTES *,
    LARGE_INTEGER *, ULONG, ULONG, ULONG, HANDLE *, PVOID *, LARGE_INTEGER *);
IMPORT NTSTATUS FltCloseSectionForDataScan(PVOID);
IMPORT NTSTATUS FltGetVolumeFromInstance(PFLT_INSTANCE, PFLT_VOLUME *);
IMPORT void FltObjectDereference(PVOID);
IMPORT NTSTATUS FltGetFileNameInformation(FLT_CALLBACK_DATA *, ULONG, PVOID *);
IMPORT void FltReleaseFileNameInformation(PVOID);
IMPORT PVOID FltAllocateDeferredIoWorkItem(void);
IMPORT void FltFreeDeferredIoWorkItem(PVOID);
IMPORT NTSTATUS FltQueueDeferredIoWorkItem(PVOID, FLT_CALLBACK_DATA *, PVOID, ULONG, PVOID);
IMPORT void FltCompletePendedPostOperation(FLT_CALLBACK_DATA *);
IMPORT void FltCompletePendedPreOperation(FLT_CALLBACK_DATA *, ULONG, PVOID);
IMPORT PVOID IoAllocateWorkItem(DEVICE_OBJECT *);
IMPORT void IoQueueWorkItem(PVOID, PVOID, ULONG, PVOID);
IMPORT void IoFreeWorkItem(PVOID);
/* ns-wdm-_work_queue_item */
typedef struct _WORK_QUEUE_ITEM {
    LIST_ENTRY List;
    PVOID WorkerRoutine;
    PVOID Parameter;
} WORK_QUEUE_ITEM;
IMPORT void ExQueueWorkItem(WORK_QUEUE_ITEM *, ULONG);
IMPORT LONGLONG ObfReferenceObject(PVOID);
IMPORT LONGLONG ObfDereferenceObject(PVOID);
IMPORT NTSTATUS ObReferenceObjectByHandle(HANDLE, ULONG, PVOID, CCHAR, PVOID *, PVOID);
IMPORT PVOID IoFileObjectType;
IMPORT NTSTATUS ZwClose(HANDLE);
IMPORT NTSTATUS ZwOpenKey(HANDLE *, ULONG, OBJECT_ATTRIBUTES *);
IMPORT NTSTATUS ZwCreateSection(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, LARGE_INTEGER *, ULONG, ULONG, HANDLE);
IMPORT NTSTATUS ZwMapViewOfSection(HANDLE, HANDLE, PVOID *, ULONG_PTR, SIZE_T, LARGE_INTEGER *, SIZE_T *, ULONG,
    ULONG, ULONG);
IMPORT NTSTATUS ZwUnmapViewOfSection(HANDLE, PVOID);

/* A filter with contexts of 16 bytes, all of whose callbacks can be given. */
static FLT_OPERATION_REGISTRATION own_operations[8];
static FLT_REGISTRATION own_registration;
static const FLT_CONTEXT_REGISTRATION own_contexts[] = {
    { .ContextType = FLT_INSTANCE_CONTEXT, .Size = 16, .PoolTag = TAG },
    { .ContextType = FLT_STREAM_CONTEXT, .Size = 16, .PoolTag = TAG },
    { .ContextType = FLT_SECTION_CONTEXT, .Size = 16, .PoolTag = TAG },
    { .ContextType = FLT_CONTEXT_END },
};

UNUSED static void watch(UCHAR major, PRE *pre, POST *post) {
    FLT_OPERATION_REGISTRATION *at = own_operations;
    while (at->PreOperation || at->PostOperation)
        at++;
    at->MajorFunction = major;
    at->PreOperation = pre;
    at->PostOperation = post;
    at[1].MajorFunction = IRP_MJ_OPERATION_END;
}

UNUSED static NTSTATUS start_watching(DRIVER_OBJECT *driver) {
    FLT_REGISTRATION *own = &own_registration;
    own->Size = sizeof *own;
    own->Version = FLT_REGISTRATION_VERSION;
    own->Flags = FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME;
    own->ContextRegistration = own_contexts;
    own->OperationRegistration = own_operations;
    if (!own->FilterUnloadCallback)
        own->FilterUnloadCallback = unload;
    NTSTATUS status = FltRegisterFilter(driver, own, &filter);
    return status < 0 ? status : FltStartFiltering(filter);
}

/* A driver with a device, whose control routine is the subject. */
static DEVICE_OBJECT *own_device;

UNUSED static NTSTATUS unload_with_device(ULONG flags) {
    remove_device(own_device);
    return unload(flags);
}

#define WITH_CONTROL(routine) \
    NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { \
        (void)path; \
        NTSTATUS status = make_device(driver, routine, &own_device); \
        return status < 0 ? status : start_filtering(driver, NULL, NULL, unload_with_device); \
    }

/* A driver whose pre-operation (post-operation) of one operation is the subject. */
#define WITH_OPERATION(major, pre, post) \
    NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { \
        (void)path; \
        watch(major, pre, post); \
        return start_watching(driver); \
    }

#define PRE_OPERATION(name) \
    static int name(UNUSED FLT_CALLBACK_DATA *data, UNUSED const FLT_RELATED_OBJECTS *objects, UNUSED PVOID *context)
#define POST_OPERATION(name) \
    static int name(UNUSED FLT_CALLBACK_DATA *data, UNUSED const FLT_RELATED_OBJECTS *objects, UNUSED PVOID context, \
        UNUSED ULONG flags)
#define CONTROL_ROUTINE(name) static NTSTATUS name(UNUSED DEVICE_OBJECT *device, IRP *irp)

/* What follows happens the first time only. */
#define ONCE(otherwise) \
    static int before; \
    if (before++) \
        return otherwise;

/* Completes an IRP as far as it goes. */
UNUSED static NTSTATUS complete(IRP *irp, NTSTATUS status, SIZE_T information) {
    irp->IoStatus.u.Status = status;
    irp->IoStatus.Information = information;
    IofCompleteRequest(irp, 0);
    return status;
}
