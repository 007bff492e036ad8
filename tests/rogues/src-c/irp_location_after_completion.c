// rule: IRP | routine: control | verifier: special pool | page: nf-wdm-iocompleterequest | does: reads an IRP's stack location after it completed the IRP
#include "flt.h"

CONTROL_ROUTINE(control) {
    IO_STACK_LOCATION *location = irp->CurrentStackLocation;
    complete(irp, STATUS_SUCCESS, 0);
    return *(volatile UCHAR *)&location->MajorFunction == IRP_MJ_DEVICE_CONTROL ? STATUS_SUCCESS : STATUS_PENDING;
}

WITH_CONTROL(control)
