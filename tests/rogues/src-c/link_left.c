// rule: leak | routine: leave | verifier: I/O verification | page: nf-wdm-iodeletesymboliclink | does: never deletes its symbolic link
#include "flt.h"

static NTSTATUS leave(ULONG flags) {
    IoDeleteDevice(own_device);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = make_device(driver, NULL, &own_device);
    return status < 0 ? status : start_filtering(driver, NULL, NULL, leave);
}
