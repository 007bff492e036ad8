// rule: lock | routine: KeReleaseSpinLock | verifier: deadlock detection | page: nf-wdm-kereleasespinlock | does: releases a spin lock that it does not hold
#include "rogue.h"

static KSPIN_LOCK lock;

MISBEHAVE {
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL);
    KeReleaseSpinLock(&lock, DISPATCH_LEVEL);
    KeLowerIrql(before);
}

IN_PRE_WRITE
