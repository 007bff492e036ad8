// rule: push lock leak | routine: unload | verifier: deadlock detection | page: nf-fltkernel-fltdeletepushlock | does: unloads without deleting a push lock
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockShared(&lock);
    FltReleasePushLock(&lock);
}

IN_PRE_WRITE
