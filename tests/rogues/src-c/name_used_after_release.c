// rule: name | routine: pre | verifier: special pool | page: nf-fltkernel-fltreleasefilenameinformation | does: reads a file name after it released it
#include "flt.h"

PRE_OPERATION(pre) {
    volatile USHORT *name;
    if (FltGetFileNameInformation(data, 0x102, (PVOID *)&name) >= 0) {
        FltReleaseFileNameInformation((PVOID)name);
        (void)*name;
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
