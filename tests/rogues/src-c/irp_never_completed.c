// rule: IRP | routine: control | verifier: I/O verification | page: nc-wdm-driver_dispatch | does: returns a status for an IRP that it does not complete
#include "flt.h"

CONTROL_ROUTINE(control) {
    irp->IoStatus.u.Status = STATUS_SUCCESS;
    return STATUS_SUCCESS;
}

WITH_CONTROL(control)
