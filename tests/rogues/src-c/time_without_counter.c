// rule: time | routine: KeQueryInterruptTimePrecise | verifier: none | page: nf-wdm-kequeryinterrupttimeprecise | does: asks for the precise time without a place for the counter
#include "flt.h"

IMPORT ULONGLONG KeQueryInterruptTimePrecise(ULONGLONG *);

PRE_OPERATION(pre) {
    KeQueryInterruptTimePrecise(NULL);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
