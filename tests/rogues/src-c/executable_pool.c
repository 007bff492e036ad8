// rule: pool | routine: ExAllocatePoolWithTag | verifier: code integrity checks | page: ne-wdm-_pool_type | does: allocates pool that can be executed
#include "rogue.h"

MISBEHAVE {
    PVOID block = ExAllocatePoolWithTag(NonPagedPool, 100, TAG);
    if (block)
        ExFreePoolWithTag(block, TAG);
}

IN_PRE_WRITE
