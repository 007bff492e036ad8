// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: returns what is no status of a pre-operation
#include "flt.h"

PRE_OPERATION(pre) {
    return 9;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
