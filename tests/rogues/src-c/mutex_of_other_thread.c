// rule: lock | routine: KeReleaseMutex | verifier: deadlock detection | page: nf-wdm-kereleasemutex | does: releases a mutex that another thread holds
#include "rogue.h"

static DEVICE_OBJECT *device;
static KMUTEX mutex;
static KEVENT held, released;

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    KeSetEvent(&held, 0, 0);
    KeWaitForSingleObject(&released, Executive, KernelMode, 0, NULL);
    KeReleaseMutex(&mutex, 0);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

/* In another thread. */
static NTSTATUS control(DEVICE_OBJECT *to, IRP *irp) {
    KeWaitForSingleObject(&held, Executive, KernelMode, 0, NULL);
    KeReleaseMutex(&mutex, 0);
    KeSetEvent(&released, 0, 0);
    return complete_request(to, irp);
}

static NTSTATUS leave(ULONG flags) {
    remove_device(device);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    KeInitializeMutex(&mutex, 0);
    KeInitializeEvent(&held, NotificationEvent, 0);
    KeInitializeEvent(&released, NotificationEvent, 0);
    NTSTATUS status = make_device(driver, control, &device);
    return status < 0 ? status : start_filtering(driver, pre_write, NULL, leave);
}
