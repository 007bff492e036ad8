// rule: lock | routine: ExFreePoolWithTag | verifier: pool tracking | page: nf-wdm-exdeleteresourcelite | does: frees a block with a resource in it that was not deleted
#include "rogue.h"

MISBEHAVE {
    ERESOURCE *resource = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *resource, TAG);
    if (!resource)
        return;
    ExInitializeResourceLite(resource);
    ExFreePoolWithTag(resource, TAG);
}

IN_PRE_WRITE
