// rule: critical region | routine: ExAcquireResourceSharedLite | verifier: force IRQL checking | page: nf-wdm-exacquireresourcesharedlite | does: acquires a resource with normal kernel APCs enabled
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    ExInitializeResourceLite(&resource);
    ExAcquireResourceSharedLite(&resource, 1);
    KeEnterCriticalRegion();
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
}

IN_PRE_WRITE
