// rule: push lock | routine: FltAcquirePushLockExclusive | verifier: deadlock detection | page: nf-fltkernel-fltinitializepushlock | does: acquires a push lock that was not initialized
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltAcquirePushLockExclusive(&lock);
}

IN_PRE_WRITE
