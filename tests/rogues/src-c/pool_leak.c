// rule: pool leak | routine: unload | verifier: pool tracking | page: nf-wdm-exallocatepoolwithtag | does: unloads and leaves a block behind
#include "rogue.h"

MISBEHAVE {
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
}

IN_PRE_WRITE
