// rule: context | routine: pre | verifier: special pool | page: nf-fltkernel-fltreleasecontext | does: writes a context after its last release
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID own;
    if (FltAllocateContext(filter, FLT_STREAM_CONTEXT, 16, PagedPool, &own) < 0)
        return FLT_PREOP_SUCCESS_NO_CALLBACK;
    FltReleaseContext(own);
    *(volatile ULONG *)own = 1;
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
