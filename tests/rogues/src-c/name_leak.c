// rule: leak | routine: unload | verifier: Filter Manager's verification | page: nf-fltkernel-fltreleasefilenameinformation | does: never releases a file name
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID name;
    FltGetFileNameInformation(data, 0x102, &name);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
