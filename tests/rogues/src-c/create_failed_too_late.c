// rule: callback | routine: post | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_post_operation_callback | does: fails a create after it succeeded, without FltCancelFileOpen
#include "flt.h"

POST_OPERATION(post) {
    data->IoStatus.u.Status = STATUS_INVALID_DEVICE_REQUEST;
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_CREATE, NULL, post)
