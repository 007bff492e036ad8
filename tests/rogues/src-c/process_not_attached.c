// rule: process | routine: KeUnstackDetachProcess | verifier: miscellaneous checks | page: nf-ntifs-keunstackdetachprocess | does: detaches from a process that it is not attached to
#include "flt.h"

IMPORT void KeUnstackDetachProcess(PVOID);

PRE_OPERATION(pre) {
    ULONGLONG state[6] = { 0 };
    KeUnstackDetachProcess(state);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
