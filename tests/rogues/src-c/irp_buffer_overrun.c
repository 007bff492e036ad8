// rule: IRP | routine: control | verifier: special pool | page: buffer-descriptions-for-i-o-control-codes | does: writes past the end of the system buffer
#include "flt.h"

CONTROL_ROUTINE(control) {
    volatile UCHAR *answer = irp->SystemBuffer;
    for (int at = 0; at < 17; at++)
        answer[at] = 1;
    return complete(irp, STATUS_SUCCESS, 16);
}

WITH_CONTROL(control)
