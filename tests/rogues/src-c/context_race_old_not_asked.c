// rule: context | routine: FltSetStreamContext | verifier: Filter Manager's verification | page: nf-fltkernel-fltsetstreamcontext | does: sets a context where there is one, and does not ask for that
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID own;
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    FltSetStreamContext(objects->Instance, objects->FileObject, FLT_SET_CONTEXT_KEEP_IF_EXISTS, own, NULL);
    FltReleaseContext(own);
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    FltSetStreamContext(objects->Instance, objects->FileObject, FLT_SET_CONTEXT_KEEP_IF_EXISTS, own, NULL);
    FltReleaseContext(own);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
