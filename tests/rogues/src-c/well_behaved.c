// rule: none | routine: none | verifier: all of it | page: using-driver-verifier | does: everything right
#include "rogue.h"

static DEVICE_OBJECT *device;
static ULONG_PTR lock;
static KSPIN_LOCK spin_lock;
static ERESOURCE resource;
static FAST_MUTEX fast_mutex;
static KMUTEX mutex;
static KEVENT event;

/* Locks of every kind, always in this order. */
static void use_locks(void) {
    LARGE_INTEGER soon = { .QuadPart = -10 };
    FltAcquirePushLockExclusive(&lock);
    FltReleasePushLock(&lock);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, 1);
    ExAcquireResourceSharedLite(&resource, 0);
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    ExAcquireResourceExclusiveLite(&resource, 1);
    ExAcquireFastMutex(&fast_mutex);
    KIRQL before = KeAcquireSpinLockRaiseToDpc(&spin_lock);
    KeReleaseSpinLock(&spin_lock, before);
    ExReleaseFastMutex(&fast_mutex);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    KeReleaseMutex(&mutex, 0);
    KeReleaseMutex(&mutex, 0);
    KeSetEvent(&event, 0, 0);
    KeWaitForSingleObject(&event, Executive, KernelMode, 0, &soon);
    KeClearEvent(&event);
    KeWaitForSingleObject(&event, Executive, KernelMode, 0, &soon);
}

/* At DISPATCH_LEVEL too. */
static void use_levels(void) {
    LARGE_INTEGER now = { .QuadPart = 0 };
    KIRQL before = KeRaiseIrqlToDpcLevel();
    KIRQL same = KfRaiseIrql(DISPATCH_LEVEL);
    KeAcquireSpinLockAtDpcLevel(&spin_lock);
    KeReleaseSpinLockFromDpcLevel(&spin_lock);
    KeWaitForSingleObject(&event, Executive, KernelMode, 0, &now);
    KeLowerIrql(same);
    KeLowerIrql(before);
}

/* Paged pool is there again at a low level. */
static void use_paged_pool(void) {
    volatile UCHAR *block = ExAllocatePoolWithTag(PagedPool, 5000, TAG);
    if (!block)
        return;
    block[4999] = 1;
    use_levels();
    block[4999] = 2;
    use_levels();
    ExFreePoolWithTag((PVOID)block, TAG);
}

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects;
    *context = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!*context)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    memset(*context, 1, 100);
    use_locks();
    use_paged_pool();
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

static int post_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) {
    (void)data, (void)objects, (void)flags;
    use_levels();
    ExFreePoolWithTag(context, TAG);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static NTSTATUS leave(ULONG flags) {
    remove_device(device);
    unload(flags);
    FltDeletePushLock(&lock);
    ExDeleteResourceLite(&resource);
    return STATUS_SUCCESS;
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    FltInitializePushLock(&lock);
    KeInitializeSpinLock(&spin_lock);
    ExInitializeResourceLite(&resource);
    ExInitializeFastMutex(&fast_mutex);
    KeInitializeMutex(&mutex, 0);
    KeInitializeEvent(&event, NotificationEvent, 0);
    NTSTATUS status = make_device(driver, NULL, &device);
    return status < 0 ? status : start_filtering(driver, pre_write, post_write, leave);
}
