// rule: IRP | routine: control | verifier: I/O verification | page: nf-wdm-iomarkirppending | does: pends an IRP and forgets it
#include "flt.h"

CONTROL_ROUTINE(control) {
    irp->CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    return STATUS_PENDING;
}

WITH_CONTROL(control)
