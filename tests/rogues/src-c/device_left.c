// rule: leak | routine: unload | verifier: I/O verification | page: nf-wdm-iodeletedevice | does: never deletes its device's link and device
#include "flt.h"

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = IoCreateDevice(driver, 0, NULL, 0x22, 0, 0, &own_device);
    return status < 0 ? status : start_filtering(driver, NULL, NULL, NULL);
}
