// rule: IRQL | routine: KeReleaseSpinLock | verifier: force IRQL checking | page: nf-wdm-kereleasespinlock | does: releases a spin lock to another IRQL than it was acquired at
#include "rogue.h"

static KSPIN_LOCK lock;

MISBEHAVE {
    KIRQL passive = KfRaiseIrql(APC_LEVEL);
    KeAcquireSpinLockRaiseToDpc(&lock);
    KeReleaseSpinLock(&lock, DISPATCH_LEVEL);
    KeLowerIrql(passive);
}

IN_PRE_WRITE
