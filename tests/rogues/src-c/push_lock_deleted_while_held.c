// rule: push lock | routine: FltDeletePushLock | verifier: deadlock detection | page: nf-fltkernel-fltdeletepushlock | does: deletes a push lock that it holds
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockExclusive(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
