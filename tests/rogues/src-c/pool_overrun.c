// rule: pool overrun | routine: misbehave | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: reads past the end of a block
#include "rogue.h"

MISBEHAVE {
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    (void)block[112];
    ExFreePoolWithTag((PVOID)block, TAG);
}

IN_PRE_WRITE
