// rule: work item | routine: FltFreeDeferredIoWorkItem | verifier: I/O verification | page: nf-fltkernel-fltfreedeferredioworkitem | does: frees a work item twice
#include "flt.h"

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    PVOID item = FltAllocateDeferredIoWorkItem();
    FltFreeDeferredIoWorkItem(item);
    FltFreeDeferredIoWorkItem(item);
    return start_filtering(driver, NULL, NULL, NULL);
}
