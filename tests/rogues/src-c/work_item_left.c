// rule: leak | routine: unload | verifier: I/O verification | page: nf-fltkernel-fltfreedeferredioworkitem | does: never frees a work item
#include "flt.h"

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    PVOID item = FltAllocateDeferredIoWorkItem();
    (void)item;
    return start_filtering(driver, NULL, NULL, NULL);
}
