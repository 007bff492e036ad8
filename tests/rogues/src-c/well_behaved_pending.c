// rule: none | routine: none | verifier: all of it | page: nf-wdm-iomarkirppending | does: pends an IRP, which a work item completes, and an operation
#include "flt.h"

static PVOID item;

static void completes(UNUSED DEVICE_OBJECT *device, PVOID context) {
    IRP *irp = context;
    memset(irp->SystemBuffer, 1, 16);
    complete(irp, STATUS_SUCCESS, 16);
}

CONTROL_ROUTINE(control) {
    irp->CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    IoQueueWorkItem(item, completes, DelayedWorkQueue, irp);
    return STATUS_PENDING;
}

static void goes_on(PVOID own, FLT_CALLBACK_DATA *data, UNUSED PVOID context) {
    FltCompletePendedPreOperation(data, FLT_PREOP_SUCCESS_NO_CALLBACK, NULL);
    FltFreeDeferredIoWorkItem(own);
}

PRE_OPERATION(pre_write) {
    PVOID own = FltAllocateDeferredIoWorkItem();
    if (!own)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    if (FltQueueDeferredIoWorkItem(own, data, goes_on, DelayedWorkQueue, NULL) >= 0)
        return FLT_PREOP_PENDING;
    FltFreeDeferredIoWorkItem(own);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static NTSTATUS leave(ULONG flags) {
    IoFreeWorkItem(item);
    return unload_with_device(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = make_device(driver, control, &own_device);
    item = status < 0 ? NULL : IoAllocateWorkItem(own_device);
    return item ? start_filtering(driver, pre_write, NULL, leave) : status;
}
