// rule: callback | routine: pre | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_pre_operation_callback | does: disallows fast I/O for an IRP
#include "flt.h"

PRE_OPERATION(pre) {
    return FLT_PREOP_DISALLOW_FASTIO;
}

WITH_OPERATION(IRP_MJ_FLUSH_BUFFERS, pre, NULL)
