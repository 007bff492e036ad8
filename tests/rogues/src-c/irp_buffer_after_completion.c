// rule: IRP | routine: control | verifier: special pool | page: nf-wdm-iocompleterequest | does: writes an answer after it completed the IRP
#include "flt.h"

CONTROL_ROUTINE(control) {
    volatile UCHAR *answer = irp->SystemBuffer;
    complete(irp, STATUS_SUCCESS, 8);
    *answer = 1;
    return STATUS_SUCCESS;
}

WITH_CONTROL(control)
