// rule: none | routine: none | verifier: all of it | page: using-driver-verifier | does: everything right
#include "rogue.h"

static DEVICE_OBJECT *device;
static ULONG_PTR lock;

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects;
    *context = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!*context)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    memset(*context, 1, 100);
    FltAcquirePushLockExclusive(&lock);
    FltReleasePushLock(&lock);
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

static int post_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) {
    (void)data, (void)objects, (void)flags;
    ExFreePoolWithTag(context, TAG);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static NTSTATUS leave(ULONG flags) {
    remove_device(device);
    unload(flags);
    FltDeletePushLock(&lock);
    return STATUS_SUCCESS;
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    FltInitializePushLock(&lock);
    NTSTATUS status = make_device(driver, NULL, &device);
    return status < 0 ? status : start_filtering(driver, pre_write, post_write, leave);
}
