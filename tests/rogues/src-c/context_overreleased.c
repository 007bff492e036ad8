// rule: context | routine: FltReleaseContext | verifier: Filter Manager's verification | page: nf-fltkernel-fltreleasecontext | does: releases a context that a stream has once too often
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID own;
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    FltSetStreamContext(objects->Instance, objects->FileObject, FLT_SET_CONTEXT_KEEP_IF_EXISTS, own, NULL);
    FltReleaseContext(own);
    FltReleaseContext(own);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
