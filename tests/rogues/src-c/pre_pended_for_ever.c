// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: pends an operation and forgets it
#include "flt.h"

PRE_OPERATION(pre) {
    return FLT_PREOP_PENDING;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
