// rule: pool overrun | routine: ExFreePoolWithTag | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: writes one byte past the end of a block
#include "rogue.h"

MISBEHAVE {
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    block[100] = 1;
    ExFreePoolWithTag((PVOID)block, TAG);
}

IN_PRE_WRITE
