// rule: callback | routine: FltCompletePendedPostOperation | verifier: Filter Manager's verification | page: nf-fltkernel-fltcompletependedpostoperation | does: completes a pended post-operation twice
#include "flt.h"

POST_OPERATION(post) {
    FltCompletePendedPostOperation(data);
    FltCompletePendedPostOperation(data);
    return FLT_POSTOP_MORE_PROCESSING_REQUIRED;
}

WITH_OPERATION(IRP_MJ_WRITE, NULL, post)
