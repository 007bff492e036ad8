// rule: IRQL | routine: IofCompleteRequest | verifier: force IRQL checking | page: nf-wdm-iocompleterequest | does: completes an IRP above DISPATCH_LEVEL
#include "flt.h"

CONTROL_ROUTINE(control) {
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL + 1);
    complete(irp, STATUS_SUCCESS, 0);
    KeLowerIrql(before);
    return STATUS_SUCCESS;
}

WITH_CONTROL(control)
