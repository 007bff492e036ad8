// rule: lock order | routine: FltAcquirePushLockExclusive | verifier: deadlock detection | page: nf-fltkernel-fltacquirepushlockexclusive | does: acquires two push locks in two orders
#include "rogue.h"

static ULONG_PTR one, two;

static void acquire_both(ULONG_PTR *first, ULONG_PTR *second) {
    FltAcquirePushLockExclusive(first);
    FltAcquirePushLockExclusive(second);
    FltReleasePushLock(second);
    FltReleasePushLock(first);
}

MISBEHAVE {
    FltInitializePushLock(&one);
    FltInitializePushLock(&two);
    acquire_both(&one, &two);
    acquire_both(&two, &one);
    FltDeletePushLock(&one);
    FltDeletePushLock(&two);
}

IN_PRE_WRITE
