// rule: lock | routine: pre_write | verifier: deadlock detection | page: nf-fltkernel-fltacquirepushlockexclusive | does: returns from a pre-operation with a push lock held
#include "rogue.h"

static DEVICE_OBJECT *device;
static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockExclusive(&lock);
}

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    misbehave();
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

/* In the same thread. */
static NTSTATUS cleanup(DEVICE_OBJECT *to, IRP *irp) {
    FltReleasePushLock(&lock);
    FltDeletePushLock(&lock);
    return complete_request(to, irp);
}

static NTSTATUS leave(ULONG flags) {
    remove_device(device);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = make_device(driver, NULL, &device);
    driver->MajorFunction[IRP_MJ_CLEANUP] = cleanup;
    return status < 0 ? status : start_filtering(driver, pre_write, NULL, leave);
}
