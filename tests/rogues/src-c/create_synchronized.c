// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: synchronizes a create
#include "flt.h"

PRE_OPERATION(pre) {
    ONCE(FLT_PREOP_SUCCESS_NO_CALLBACK)
    return FLT_PREOP_SYNCHRONIZE;
}

POST_OPERATION(post) {
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_CREATE, pre, post)
