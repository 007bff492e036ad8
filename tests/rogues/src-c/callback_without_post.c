// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: wants a post-operation and has none
#include "flt.h"

PRE_OPERATION(pre) {
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
