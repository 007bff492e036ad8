// rule: lock leak | routine: unload | verifier: deadlock detection | page: nf-wdm-exdeleteresourcelite | does: unloads without deleting a resource
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    ExInitializeResourceLite(&resource);
}

IN_PRE_WRITE
