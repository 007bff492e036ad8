// rule: IRP | routine: IofCompleteRequest | verifier: none: what was not written is found by its pattern | page: failure-to-initialize-output-buffers | does: returns pool that it never wrote
#include "flt.h"

CONTROL_ROUTINE(control) {
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 16, TAG);
    memcpy(irp->SystemBuffer, block, 16);
    ExFreePoolWithTag(block, TAG);
    return complete(irp, STATUS_SUCCESS, 16);
}

WITH_CONTROL(control)
