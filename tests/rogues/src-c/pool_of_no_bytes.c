// rule: pool | routine: ExAllocatePoolWithTag | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: allocates a block of no bytes
#include "rogue.h"

MISBEHAVE {
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 0, TAG);
    if (block)
        ExFreePoolWithTag(block, TAG);
}

IN_PRE_WRITE
