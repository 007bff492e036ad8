// rule: lock | routine: KeWaitForSingleObject | verifier: miscellaneous checks | page: nf-wdm-kewaitforsingleobject | does: waits for an event that was not initialized
#include "rogue.h"

static KEVENT event;

MISBEHAVE {
    KeWaitForSingleObject(&event, Executive, KernelMode, 0, NULL);
}

IN_PRE_WRITE
