// rule: callback | routine: DriverEntry | verifier: force IRQL checking | page: nc-wdm-driver_initialize | does: returns from DriverEntry at a raised IRQL
#include "rogue.h"

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    NTSTATUS status = start_filtering(driver, NULL, NULL, NULL);
    KfRaiseIrql(APC_LEVEL);
    return status;
}
