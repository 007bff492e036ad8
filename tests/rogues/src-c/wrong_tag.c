// rule: pool | routine: ExFreePoolWithTag | verifier: pool tracking | page: nf-wdm-exfreepoolwithtag | does: frees a block with another tag than it has
#include "rogue.h"

MISBEHAVE {
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (block)
        ExFreePoolWithTag(block, TAG + 1);
}

IN_PRE_WRITE
