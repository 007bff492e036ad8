// rule: pool | routine: ExAllocatePoolWithTag | verifier: pool tracking | page: nf-wdm-exallocatepoolwithtag | does: allocates a block without a tag
#include "rogue.h"

MISBEHAVE {
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, 0);
    if (block)
        ExFreePool(block);
}

IN_PRE_WRITE
