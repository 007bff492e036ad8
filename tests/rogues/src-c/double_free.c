// rule: pool | routine: ExFreePoolWithTag | verifier: special pool | page: nf-wdm-exfreepoolwithtag | does: frees a block twice
#include "rogue.h"

MISBEHAVE {
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    ExFreePoolWithTag(block, TAG);
    ExFreePoolWithTag(block, TAG);
}

IN_PRE_WRITE
