// rule: pool underrun | routine: ExFreePoolWithTag | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: writes before the begin of a block that ends at a guard page
#include "rogue.h"

MISBEHAVE {
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    block[-1] = 1;
    ExFreePoolWithTag((PVOID)block, TAG);
}

IN_PRE_WRITE
