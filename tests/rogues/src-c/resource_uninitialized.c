// rule: lock | routine: ExAcquireResourceExclusiveLite | verifier: deadlock detection | page: nf-wdm-exinitializeresourcelite | does: acquires a resource that was not initialized
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, 1);
    KeLeaveCriticalRegion();
}

IN_PRE_WRITE
