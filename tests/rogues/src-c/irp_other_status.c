// rule: IRP | routine: control | verifier: I/O verification | page: nc-wdm-driver_dispatch | does: returns another status than it completed the IRP with
#include "flt.h"

CONTROL_ROUTINE(control) {
    complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    return STATUS_SUCCESS;
}

WITH_CONTROL(control)
