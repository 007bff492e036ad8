// rule: lock order | routine: ExAcquireResourceExclusiveLite | verifier: deadlock detection | page: nf-wdm-exacquireresourceexclusivelite | does: acquires a mutex and a resource in two orders
#include "rogue.h"

static KMUTEX mutex;
static ERESOURCE resource;

MISBEHAVE {
    KeInitializeMutex(&mutex, 0);
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, 1);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    KeReleaseMutex(&mutex, 0);
    ExReleaseResourceLite(&resource);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    ExAcquireResourceExclusiveLite(&resource, 1);
    ExReleaseResourceLite(&resource);
    KeReleaseMutex(&mutex, 0);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
}

IN_PRE_WRITE
