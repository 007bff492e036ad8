// rule: device | routine: IoDeleteDevice | verifier: I/O verification | page: nf-wdm-iodeletedevice | does: deletes a device twice
#include "flt.h"

static NTSTATUS leave(ULONG flags) {
    remove_device(own_device);
    IoDeleteDevice(own_device);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = make_device(driver, NULL, &own_device);
    return status < 0 ? status : start_filtering(driver, NULL, NULL, leave);
}
