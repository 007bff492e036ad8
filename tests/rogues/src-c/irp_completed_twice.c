// rule: IRP | routine: IofCompleteRequest | verifier: I/O verification | page: nf-wdm-iocompleterequest | does: completes an IRP twice
#include "flt.h"

CONTROL_ROUTINE(control) {
    complete(irp, STATUS_SUCCESS, 0);
    IofCompleteRequest(irp, 0);
    return STATUS_SUCCESS;
}

WITH_CONTROL(control)
