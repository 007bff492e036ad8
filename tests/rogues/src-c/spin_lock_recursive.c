// rule: lock | routine: KeAcquireSpinLockRaiseToDpc | verifier: deadlock detection | page: nf-wdm-keacquirespinlockraisetodpc | does: acquires a spin lock that it holds
#include "rogue.h"

static KSPIN_LOCK lock;

MISBEHAVE {
    KIRQL before = KeAcquireSpinLockRaiseToDpc(&lock);
    KIRQL again = KeAcquireSpinLockRaiseToDpc(&lock);
    KeReleaseSpinLock(&lock, again);
    KeReleaseSpinLock(&lock, before);
}

IN_PRE_WRITE
