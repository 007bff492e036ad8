// rule: IRP | routine: IofCompleteRequest | verifier: I/O verification | page: nf-wdm-iocompleterequest | does: returns more bytes than the output buffer has
#include "flt.h"

CONTROL_ROUTINE(control) {
    memset(irp->SystemBuffer, 0, 16);
    return complete(irp, STATUS_SUCCESS, 17);
}

WITH_CONTROL(control)
