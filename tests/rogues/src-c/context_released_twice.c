// rule: context | routine: FltReleaseContext | verifier: Filter Manager's verification | page: nf-fltkernel-fltreleasecontext | does: releases a context twice
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID own;
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    FltReleaseContext(own);
    FltReleaseContext(own);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
