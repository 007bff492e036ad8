// rule: lock order | routine: KeAcquireSpinLockAtDpcLevel | verifier: deadlock detection | page: nf-wdm-keacquirespinlockatdpclevel | does: acquires two spin locks in two orders
#include "rogue.h"

static KSPIN_LOCK one, two;

static void acquire_both(KSPIN_LOCK *first, KSPIN_LOCK *second) {
    KIRQL before = KeAcquireSpinLockRaiseToDpc(first);
    KeAcquireSpinLockAtDpcLevel(second);
    KeReleaseSpinLockFromDpcLevel(second);
    KeReleaseSpinLock(first, before);
}

MISBEHAVE {
    acquire_both(&one, &two);
    acquire_both(&two, &one);
}

IN_PRE_WRITE
