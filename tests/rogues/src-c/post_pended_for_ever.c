// rule: callback | routine: post | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_post_operation_callback | does: pends a post-operation and forgets it
#include "flt.h"

POST_OPERATION(post) {
    return FLT_POSTOP_MORE_PROCESSING_REQUIRED;
}

WITH_OPERATION(IRP_MJ_WRITE, NULL, post)
