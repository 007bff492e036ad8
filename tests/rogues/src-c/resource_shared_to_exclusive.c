// rule: lock | routine: ExAcquireResourceExclusiveLite | verifier: deadlock detection | page: nf-wdm-exacquireresourceexclusivelite | does: acquires a resource exclusively that it holds shared
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, 1);
    ExAcquireResourceExclusiveLite(&resource, 1);
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
}

IN_PRE_WRITE
