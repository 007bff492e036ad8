// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: completes an operation with STATUS_PENDING
#include "flt.h"

PRE_OPERATION(pre) {
    data->IoStatus.u.Status = STATUS_PENDING;
    return FLT_PREOP_COMPLETE;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
