/*
 * What the rogues share: the documented declarations that they use, transcribed in C from the driver
 * reference (the page before each), and a minimal filter and device. The simulator has its own.
 */
#include <stddef.h>

#define POINTER_ALIGNMENT __declspec(align(8))
#define UNUSED __attribute__((unused))
#define IMPORT __declspec(dllimport)

typedef unsigned char UCHAR, BOOLEAN, KIRQL;
typedef char CCHAR;
typedef unsigned short USHORT, WCHAR;
typedef short CSHORT;
typedef unsigned int ULONG;
typedef int LONG, NTSTATUS;
typedef long long LONGLONG;
typedef unsigned long long ULONG_PTR, SIZE_T, ULONGLONG;
typedef void *PVOID, *HANDLE;
typedef union _LARGE_INTEGER {
    struct { ULONG LowPart; LONG HighPart; } u;
    LONGLONG QuadPart;
} LARGE_INTEGER;
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    WCHAR *Buffer;
} UNICODE_STRING;
typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY;
typedef struct _IO_STATUS_BLOCK {
    union { NTSTATUS Status; PVOID Pointer; } u;
    ULONG_PTR Information;
} IO_STATUS_BLOCK;
typedef PVOID PFLT_FILTER, PFLT_VOLUME, PFLT_INSTANCE, PFILE_OBJECT, PMDL, PETHREAD, PKTRANSACTION;
typedef void (*CALLBACK)(void);

#define STATUS_SUCCESS 0
#define STATUS_PENDING 0x103
#define STATUS_INVALID_DEVICE_REQUEST ((NTSTATUS)0xC0000010)

#define TAG 0x75676f52 /* 'Rogu' as Driver Verifier shows it */

enum { PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL };
enum { IRP_MJ_CREATE = 0, IRP_MJ_CLOSE = 2, IRP_MJ_READ = 3, IRP_MJ_WRITE = 4, IRP_MJ_FLUSH_BUFFERS = 9,
       IRP_MJ_DEVICE_CONTROL = 14, IRP_MJ_CLEANUP = 18, IRP_MJ_MAXIMUM_FUNCTION = 27,
       IRP_MJ_OPERATION_END = 0x80 };

/* ns-wdm-_driver_object */
typedef struct _DRIVER_OBJECT {
    CSHORT Type;
    CSHORT Size;
    struct _DEVICE_OBJECT *DeviceObject;
    ULONG Flags;
    PVOID DriverStart;
    ULONG DriverSize;
    PVOID DriverSection;
    PVOID DriverExtension;
    UNICODE_STRING DriverName;
    UNICODE_STRING *HardwareDatabase;
    PVOID FastIoDispatch;
    PVOID DriverInit;
    PVOID DriverStartIo;
    PVOID DriverUnload;
    PVOID MajorFunction[IRP_MJ_MAXIMUM_FUNCTION + 1];
} DRIVER_OBJECT;
_Static_assert(offsetof(DRIVER_OBJECT, MajorFunction) == 0x70, "DRIVER_OBJECT");

/* ns-wdm-_device_object, up to what is used */
typedef struct _DEVICE_OBJECT {
    CSHORT Type;
    USHORT Size;
    LONG ReferenceCount;
    DRIVER_OBJECT *DriverObject;
    struct _DEVICE_OBJECT *NextDevice;
    struct _DEVICE_OBJECT *AttachedDevice;
    struct _IRP *CurrentIrp;
    PVOID Timer;
    ULONG Flags;
    ULONG Characteristics;
    PVOID Vpb;
    PVOID DeviceExtension;
} DEVICE_OBJECT;

/* ns-wdm-_io_stack_location, with the parameters of IRP_MJ_DEVICE_CONTROL */
typedef struct _IO_STACK_LOCATION {
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR Flags;
    UCHAR Control;
    union {
        struct {
            ULONG OutputBufferLength;
            ULONG POINTER_ALIGNMENT InputBufferLength;
            ULONG POINTER_ALIGNMENT IoControlCode;
            PVOID Type3InputBuffer;
        } DeviceIoControl;
        PVOID Others[4];
    } Parameters;
    DEVICE_OBJECT *DeviceObject;
    PFILE_OBJECT FileObject;
    PVOID CompletionRoutine;
    PVOID Context;
} IO_STACK_LOCATION;
_Static_assert(sizeof(IO_STACK_LOCATION) == 0x48, "IO_STACK_LOCATION");

/* ns-wdm-_irp, up to what is used */
typedef struct _IRP {
    CSHORT Type;
    USHORT Size;
    PMDL MdlAddress;
    ULONG Flags;
    PVOID SystemBuffer;
    LIST_ENTRY ThreadListEntry;
    IO_STATUS_BLOCK IoStatus;
    CCHAR RequestorMode;
    BOOLEAN PendingReturned;
    CCHAR StackCount;
    CCHAR CurrentLocation;
    BOOLEAN Cancel;
    KIRQL CancelIrql;
    CCHAR ApcEnvironment;
    UCHAR AllocationFlags;
    IO_STATUS_BLOCK *UserIosb;
    PVOID UserEvent;
    PVOID Overlay[2];
    PVOID CancelRoutine;
    PVOID UserBuffer;
    PVOID DriverContext[4];
    PETHREAD Thread;
    CCHAR *AuxiliaryBuffer;
    LIST_ENTRY ListEntry;
    IO_STACK_LOCATION *CurrentStackLocation;
} IRP;
_Static_assert(offsetof(IRP, CurrentStackLocation) == 0xb8, "IRP");

/* ns-fltkernel-_flt_operation_registration */
typedef struct _FLT_OPERATION_REGISTRATION {
    UCHAR MajorFunction;
    ULONG Flags;
    PVOID PreOperation;
    PVOID PostOperation;
    PVOID Reserved1;
} FLT_OPERATION_REGISTRATION;

/* ns-fltkernel-_flt_context_registration */
typedef struct _FLT_CONTEXT_REGISTRATION {
    USHORT ContextType;
    USHORT Flags;
    PVOID ContextCleanupCallback;
    SIZE_T Size;
    ULONG PoolTag;
    PVOID ContextAllocateCallback;
    PVOID ContextFreeCallback;
    PVOID Reserved1;
} FLT_CONTEXT_REGISTRATION;
enum { FLT_INSTANCE_CONTEXT = 2, FLT_STREAM_CONTEXT = 8, FLT_CONTEXT_END = 0xffff };

/* ns-fltkernel-_flt_registration */
typedef struct _FLT_REGISTRATION {
    USHORT Size;
    USHORT Version;
    ULONG Flags;
    const FLT_CONTEXT_REGISTRATION *ContextRegistration;
    const FLT_OPERATION_REGISTRATION *OperationRegistration;
    PVOID FilterUnloadCallback;
    PVOID InstanceSetupCallback;
    PVOID InstanceQueryTeardownCallback;
    PVOID InstanceTeardownStartCallback;
    PVOID InstanceTeardownCompleteCallback;
    PVOID GenerateFileNameCallback;
    PVOID NormalizeNameComponentCallback;
    PVOID NormalizeContextCleanupCallback;
    PVOID TransactionNotificationCallback;
    PVOID NormalizeNameComponentExCallback;
    PVOID SectionNotificationCallback;
} FLT_REGISTRATION;
enum { FLT_REGISTRATION_VERSION = 0x0203, FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME = 4 };

/* ns-fltkernel-_flt_related_objects */
typedef struct _FLT_RELATED_OBJECTS {
    const USHORT Size;
    const USHORT TransactionContext;
    const PFLT_FILTER Filter;
    const PFLT_VOLUME Volume;
    const PFLT_INSTANCE Instance;
    const PFILE_OBJECT FileObject;
    const PKTRANSACTION Transaction;
} FLT_RELATED_OBJECTS;

/* ns-fltkernel-_flt_io_parameter_block, with the parameters of IRP_MJ_WRITE */
typedef struct _FLT_IO_PARAMETER_BLOCK {
    ULONG IrpFlags;
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR OperationFlags;
    UCHAR Reserved;
    PFILE_OBJECT TargetFileObject;
    PFLT_INSTANCE TargetInstance;
    union {
        struct {
            ULONG Length;
            ULONG POINTER_ALIGNMENT Key;
            LARGE_INTEGER ByteOffset;
            PVOID WriteBuffer;
            PMDL MdlAddress;
        } Write;
        PVOID Others[6];
    } Parameters;
} FLT_IO_PARAMETER_BLOCK;

/* ns-fltkernel-_flt_callback_data */
typedef struct _FLT_CALLBACK_DATA {
    ULONG Flags;
    const PETHREAD Thread;
    FLT_IO_PARAMETER_BLOCK *const Iopb;
    IO_STATUS_BLOCK IoStatus;
    PVOID TagData;
    PVOID FilterContext[4];
    CCHAR RequestorMode;
} FLT_CALLBACK_DATA;
_Static_assert(sizeof(FLT_CALLBACK_DATA) == 0x58, "FLT_CALLBACK_DATA");

/* nc-fltkernel-pflt_pre_operation_callback, nc-fltkernel-pflt_post_operation_callback */
enum { FLT_PREOP_SUCCESS_WITH_CALLBACK, FLT_PREOP_SUCCESS_NO_CALLBACK, FLT_PREOP_PENDING,
       FLT_PREOP_DISALLOW_FASTIO, FLT_PREOP_COMPLETE, FLT_PREOP_SYNCHRONIZE };
enum { FLT_POSTOP_FINISHED_PROCESSING, FLT_POSTOP_MORE_PROCESSING_REQUIRED };
typedef int PRE(FLT_CALLBACK_DATA *, const FLT_RELATED_OBJECTS *, PVOID *);
typedef int POST(FLT_CALLBACK_DATA *, const FLT_RELATED_OBJECTS *, PVOID, ULONG);

/* ne-wdm-_pool_type */
enum { NonPagedPool = 0, PagedPool = 1, NonPagedPoolNx = 512 };

IMPORT PVOID ExAllocatePoolWithTag(ULONG, SIZE_T, ULONG);
IMPORT void ExFreePool(PVOID);
IMPORT void ExFreePoolWithTag(PVOID, ULONG);
IMPORT NTSTATUS IoCreateDevice(DRIVER_OBJECT *, ULONG, const UNICODE_STRING *, ULONG, ULONG, BOOLEAN,
    DEVICE_OBJECT **);
IMPORT void IoDeleteDevice(DEVICE_OBJECT *);
IMPORT NTSTATUS IoCreateSymbolicLink(const UNICODE_STRING *, const UNICODE_STRING *);
IMPORT NTSTATUS IoDeleteSymbolicLink(const UNICODE_STRING *);
IMPORT void IofCompleteRequest(IRP *, CCHAR);
IMPORT NTSTATUS FltRegisterFilter(DRIVER_OBJECT *, const FLT_REGISTRATION *, PFLT_FILTER *);
IMPORT NTSTATUS FltStartFiltering(PFLT_FILTER);
IMPORT void FltUnregisterFilter(PFLT_FILTER);
IMPORT void FltInitializePushLock(ULONG_PTR *);
IMPORT void FltDeletePushLock(ULONG_PTR *);
IMPORT void FltAcquirePushLockExclusive(ULONG_PTR *);
IMPORT void FltAcquirePushLockShared(ULONG_PTR *);
IMPORT void FltReleasePushLock(ULONG_PTR *);

/* Locks: opaque but for their size (ns-wdm-_kevent, eresource-structures, ns-wdm-_fast_mutex). */
typedef struct _KEVENT { PVOID Opaque[3]; } KEVENT;
typedef struct _KMUTEX { PVOID Opaque[7]; } KMUTEX;
typedef struct _ERESOURCE { PVOID Opaque[13]; } ERESOURCE;
typedef ULONG_PTR KSPIN_LOCK;
typedef struct _FAST_MUTEX {
    LONG Count;
    PVOID Owner;
    ULONG Contention;
    KEVENT Event;
    ULONG OldIrql;
} FAST_MUTEX;
_Static_assert(sizeof(FAST_MUTEX) == 0x38, "FAST_MUTEX");
enum { NotificationEvent, SynchronizationEvent };
enum { Executive = 0, KernelMode = 0 };

IMPORT KIRQL KfRaiseIrql(KIRQL);
IMPORT KIRQL KeRaiseIrqlToDpcLevel(void);
IMPORT void KeLowerIrql(KIRQL);
IMPORT void KeEnterCriticalRegion(void);
IMPORT void KeLeaveCriticalRegion(void);
IMPORT void KeInitializeSpinLock(KSPIN_LOCK *);
IMPORT KIRQL KeAcquireSpinLockRaiseToDpc(KSPIN_LOCK *);
IMPORT void KeReleaseSpinLock(KSPIN_LOCK *, KIRQL);
IMPORT void KeAcquireSpinLockAtDpcLevel(KSPIN_LOCK *);
IMPORT void KeReleaseSpinLockFromDpcLevel(KSPIN_LOCK *);
IMPORT NTSTATUS ExInitializeResourceLite(ERESOURCE *);
IMPORT BOOLEAN ExAcquireResourceExclusiveLite(ERESOURCE *, BOOLEAN);
IMPORT BOOLEAN ExAcquireResourceSharedLite(ERESOURCE *, BOOLEAN);
IMPORT void ExReleaseResourceLite(ERESOURCE *);
IMPORT NTSTATUS ExDeleteResourceLite(ERESOURCE *);
IMPORT void ExAcquireFastMutex(FAST_MUTEX *);
IMPORT void ExReleaseFastMutex(FAST_MUTEX *);
IMPORT void KeInitializeMutex(KMUTEX *, ULONG);
IMPORT LONG KeReleaseMutex(KMUTEX *, BOOLEAN);
IMPORT void KeInitializeEvent(KEVENT *, ULONG, BOOLEAN);
IMPORT LONG KeSetEvent(KEVENT *, LONG, BOOLEAN);
IMPORT void KeClearEvent(KEVENT *);
IMPORT NTSTATUS KeWaitForSingleObject(PVOID, ULONG, CCHAR, BOOLEAN, LARGE_INTEGER *);
IMPORT NTSTATUS KeDelayExecutionThread(CCHAR, BOOLEAN, LARGE_INTEGER *);

/* nf-wdm-exinitializefastmutex, which is compiled into the driver. */
UNUSED static void ExInitializeFastMutex(FAST_MUTEX *mutex) {
    mutex->Count = 1;
    mutex->Owner = NULL;
    mutex->Contention = 0;
    KeInitializeEvent(&mutex->Event, SynchronizationEvent, 0);
}

/* The compiler calls these. */
UNUSED void *memset(void *to, int byte, SIZE_T count) {
    for (volatile UCHAR *at = to; count--; at++)
        *at = (UCHAR)byte;
    return to;
}
UNUSED void *memcpy(void *to, const void *from, SIZE_T count) {
    volatile UCHAR *at = to;
    for (const UCHAR *of = from; count--; at++, of++)
        *at = *of;
    return to;
}

static PFLT_FILTER filter;

/* nc-fltkernel-pflt_filter_unload_callback */
UNUSED static NTSTATUS unload(ULONG flags) {
    (void)flags;
    FltUnregisterFilter(filter);
    return STATUS_SUCCESS;
}

/* Registers a filter that sees writes and starts it. Without an unload callback it has the one above. */
UNUSED static NTSTATUS start_filtering(DRIVER_OBJECT *driver, PRE *pre_write, POST *post_write,
    NTSTATUS (*own_unload)(ULONG)) {
    static FLT_OPERATION_REGISTRATION operations[2];
    static FLT_REGISTRATION registration;
    operations[0].MajorFunction = IRP_MJ_WRITE;
    operations[0].PreOperation = pre_write;
    operations[0].PostOperation = post_write;
    operations[1].MajorFunction = IRP_MJ_OPERATION_END;
    if (!pre_write && !post_write)
        operations[0] = operations[1];
    registration.Size = sizeof registration;
    registration.Version = FLT_REGISTRATION_VERSION;
    registration.Flags = FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME;
    registration.OperationRegistration = operations;
    registration.FilterUnloadCallback = own_unload ? own_unload : unload;
    NTSTATUS status = FltRegisterFilter(driver, &registration, &filter);
    return status < 0 ? status : FltStartFiltering(filter);
}

#define STRING(name, text) \
    UNUSED static UNICODE_STRING name = { sizeof(text) - 2, sizeof(text), (WCHAR *)(text) }
STRING(device_name, L"\\Device\\Rogue");
STRING(link_name, L"\\DosDevices\\Rogue");

/* nc-wdm-driver_dispatch */
typedef NTSTATUS DISPATCH(DEVICE_OBJECT *, IRP *);

UNUSED static NTSTATUS complete_request(DEVICE_OBJECT *device, IRP *irp) {
    (void)device;
    irp->IoStatus.u.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IofCompleteRequest(irp, 0);
    return STATUS_SUCCESS;
}

/* Makes a device that programs open as \\.\Rogue, and completes what has no routine of its own. */
UNUSED static NTSTATUS make_device(DRIVER_OBJECT *driver, DISPATCH *control, DEVICE_OBJECT **device) {
    enum { FILE_DEVICE_UNKNOWN = 0x22, FILE_DEVICE_SECURE_OPEN = 0x100 };
    NTSTATUS status = IoCreateDevice(driver, 0, &device_name, FILE_DEVICE_UNKNOWN,
        FILE_DEVICE_SECURE_OPEN, 0, device);
    if (status < 0)
        return status;
    driver->MajorFunction[IRP_MJ_CREATE] = complete_request;
    driver->MajorFunction[IRP_MJ_CLEANUP] = complete_request;
    driver->MajorFunction[IRP_MJ_CLOSE] = complete_request;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = control ? control : complete_request;
    return IoCreateSymbolicLink(&link_name, &device_name);
}

UNUSED static void remove_device(DEVICE_OBJECT *device) {
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(device);
}

/* Drivers that misbehave in one function, which is called in one place. */
#define MISBEHAVE static __attribute__((noinline)) void misbehave(void)
#define ENTRY(pre, post, own_unload) \
    NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { \
        (void)path; \
        return start_filtering(driver, pre, post, own_unload); \
    }
/* At PASSIVE_LEVEL. */
#define IN_PRE_WRITE \
    static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) { \
        (void)data, (void)objects, (void)context; \
        misbehave(); \
        return FLT_PREOP_SUCCESS_NO_CALLBACK; \
    } \
    ENTRY(pre_write, NULL, NULL)
/* At DISPATCH_LEVEL. */
#define IN_POST_WRITE \
    static int post_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) { \
        (void)data, (void)objects, (void)context, (void)flags; \
        misbehave(); \
        return FLT_POSTOP_FINISHED_PROCESSING; \
    } \
    ENTRY(NULL, post_write, NULL)
