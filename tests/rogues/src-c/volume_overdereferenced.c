// rule: object | routine: FltObjectDereference | verifier: Filter Manager's verification | page: nf-fltkernel-fltobjectdereference | does: dereferences a volume that it has not referenced
#include "flt.h"

PRE_OPERATION(pre) {
    FltObjectDereference(objects->Volume);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
