// rule: IRP | routine: IofCompleteRequest | verifier: none: what was not written is found by its pattern | page: failure-to-initialize-output-buffers | does: returns bytes that it never wrote
#include "flt.h"

CONTROL_ROUTINE(control) {
    memset(irp->SystemBuffer, 0, 8);
    return complete(irp, STATUS_SUCCESS, 16);
}

WITH_CONTROL(control)
