// rule: push lock | routine: FltDeletePushLock | verifier: deadlock detection | page: nf-fltkernel-fltdeletepushlock | does: deletes a push lock twice
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltDeletePushLock(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
