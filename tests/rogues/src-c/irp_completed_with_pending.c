// rule: IRP | routine: IofCompleteRequest | verifier: I/O verification | page: nf-wdm-iocompleterequest | does: completes an IRP with STATUS_PENDING
#include "flt.h"

CONTROL_ROUTINE(control) {
    irp->CurrentStackLocation->Control |= SL_PENDING_RETURNED;
    return complete(irp, STATUS_PENDING, 0);
}

WITH_CONTROL(control)
