// rule: lock | routine: ExDeleteResourceLite | verifier: deadlock detection | page: nf-wdm-exdeleteresourcelite | does: deletes a resource twice
#include "rogue.h"

static ERESOURCE resource;

MISBEHAVE {
    ExInitializeResourceLite(&resource);
    ExDeleteResourceLite(&resource);
    ExDeleteResourceLite(&resource);
}

IN_PRE_WRITE
