// rule: processor | routine: KeSetSystemGroupAffinityThread | verifier: none | page: nf-ntddk-kesetsystemgroupaffinitythread | does: names no processor
#include "flt.h"

IMPORT void KeSetSystemGroupAffinityThread(PVOID, PVOID);
IMPORT void KeRevertToUserGroupAffinityThread(PVOID);

PRE_OPERATION(pre) {
    ULONGLONG affinity[2] = { 0 }, before[2] = { 0 };
    KeSetSystemGroupAffinityThread(affinity, before);
    KeRevertToUserGroupAffinityThread(before);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
