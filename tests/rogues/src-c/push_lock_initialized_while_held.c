// rule: push lock | routine: FltInitializePushLock | verifier: deadlock detection | page: nf-fltkernel-fltinitializepushlock | does: initializes a push lock that it holds
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockExclusive(&lock);
    FltInitializePushLock(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
