// rule: IRP | routine: control | verifier: special pool | page: nf-wdm-iocompleterequest | does: reads an IRP's status after it completed the IRP
#include "flt.h"

CONTROL_ROUTINE(control) {
    complete(irp, STATUS_SUCCESS, 0);
    return *(volatile NTSTATUS *)&irp->IoStatus.u.Status;
}

WITH_CONTROL(control)
