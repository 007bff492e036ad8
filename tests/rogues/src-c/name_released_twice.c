// rule: name | routine: FltReleaseFileNameInformation | verifier: Filter Manager's verification | page: nf-fltkernel-fltreleasefilenameinformation | does: releases a file name twice
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID name;
    if (FltGetFileNameInformation(data, 0x102, &name) >= 0) {
        FltReleaseFileNameInformation(name);
        FltReleaseFileNameInformation(name);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
