// rule: IRP | routine: control | verifier: I/O verification | page: nf-wdm-iomarkirppending | does: marks an IRP pending and returns another status
#include "flt.h"

CONTROL_ROUTINE(control) {
    irp->CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    return complete(irp, STATUS_SUCCESS, 0);
}

WITH_CONTROL(control)
