// rule: IRP | routine: control | verifier: I/O verification | page: nf-wdm-iomarkirppending | does: returns STATUS_PENDING for an IRP that it did not mark
#include "flt.h"

CONTROL_ROUTINE(control) {
    complete(irp, STATUS_SUCCESS, 0);
    return STATUS_PENDING;
}

WITH_CONTROL(control)
