// rule: push lock | routine: FltAcquirePushLockShared | verifier: deadlock detection | page: nf-fltkernel-fltacquirepushlockshared | does: acquires a push lock shared that it holds
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockShared(&lock);
    FltAcquirePushLockShared(&lock);
}

IN_PRE_WRITE
