// rule: context | routine: pre | verifier: special pool | page: nf-fltkernel-fltallocatecontext | does: writes past the end of a context
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID own;
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    ((volatile UCHAR *)own)[16] = 1;
    FltReleaseContext(own);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
