// rule: use after free | routine: misbehave | verifier: special pool | page: nf-wdm-exfreepoolwithtag | does: writes to a block that it has freed
#include "rogue.h"

MISBEHAVE {
    volatile ULONG *block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    ExFreePoolWithTag((PVOID)block, TAG);
    block[3] = 1;
}

IN_PRE_WRITE
