// rule: lock | routine: ExReleaseResourceLite | verifier: deadlock detection | page: nf-wdm-exreleaseresourcelite | does: releases a resource once more than it has acquired it
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, 1);
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
}

IN_PRE_WRITE
