// rule: callback | routine: post | verifier: Filter Manager's verification | page: nf-fltkernel-fltcompletependedpostoperation | does: completes a post-operation that it does not pend
#include "flt.h"

POST_OPERATION(post) {
    FltCompletePendedPostOperation(data);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_WRITE, NULL, post)
