// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: returns a completion context that no post-operation gets
#include "flt.h"

PRE_OPERATION(pre) {
    *context = &filter;
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

POST_OPERATION(post) {
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, post)
