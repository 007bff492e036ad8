// rule: lock | routine: KeSetEvent | verifier: miscellaneous checks | page: nf-wdm-kesetevent | does: sets an event that was not initialized
#include "rogue.h"

static KEVENT event;

MISBEHAVE {
    KeSetEvent(&event, 0, 0);
}

IN_PRE_WRITE
