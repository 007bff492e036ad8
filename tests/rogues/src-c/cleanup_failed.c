// rule: callback | routine: pre | verifier: DDI compliance | page: irp-mj-cleanup | does: fails a cleanup
#include "flt.h"

PRE_OPERATION(pre) {
    ONCE(FLT_PREOP_SUCCESS_NO_CALLBACK)
    data->IoStatus.u.Status = STATUS_INVALID_DEVICE_REQUEST;
    return FLT_PREOP_COMPLETE;
}

WITH_OPERATION(IRP_MJ_CLEANUP, pre, NULL)
