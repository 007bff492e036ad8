// rule: callback | routine: post | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_post_operation_callback | does: returns what is no status of a post-operation
#include "flt.h"

POST_OPERATION(post) {
    return 7;
}

WITH_OPERATION(IRP_MJ_WRITE, NULL, post)
