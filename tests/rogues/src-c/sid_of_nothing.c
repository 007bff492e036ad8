// rule: security | routine: RtlLengthSid | verifier: none | page: nf-ntifs-rtllengthsid | does: asks for the length of what is no SID
#include "flt.h"

IMPORT ULONG RtlLengthSid(PVOID);

PRE_OPERATION(pre) {
    static ULONGLONG none[10];
    RtlLengthSid(none);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
