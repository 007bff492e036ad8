// rule: lock | routine: ExDeleteResourceLite | verifier: deadlock detection | page: nf-wdm-exdeleteresourcelite | does: deletes a resource that it holds
#include "rogue.h"

static ERESOURCE resource;

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, 1);
    ExDeleteResourceLite(&resource);
    KeLeaveCriticalRegion();
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

ENTRY(pre_write, NULL, NULL)
