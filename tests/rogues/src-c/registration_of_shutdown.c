// rule: registration | routine: FltRegisterFilter | verifier: Filter Manager's verification | page: ns-fltkernel-_flt_operation_registration | does: registers a post-operation for IRP_MJ_SHUTDOWN
#include "flt.h"

POST_OPERATION(post) {
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(16, NULL, post)
