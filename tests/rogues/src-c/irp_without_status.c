// rule: IRP | routine: IofCompleteRequest | verifier: I/O verification | page: nf-wdm-iocompleterequest | does: completes an IRP without a status
#include "flt.h"

CONTROL_ROUTINE(control) {
    IofCompleteRequest(irp, 0);
    return (NTSTATUS)0x7fff0001;
}

WITH_CONTROL(control)
