// rule: IRQL | routine: KeReleaseSpinLock | verifier: force IRQL checking | page: nf-wdm-kereleasespinlock | does: releases a spin lock after it has lowered the IRQL
#include "rogue.h"

static KSPIN_LOCK lock;

MISBEHAVE {
    KIRQL raised = KfRaiseIrql(PASSIVE_LEVEL);
    KIRQL before = KeAcquireSpinLockRaiseToDpc(&lock);
    KeLowerIrql(raised);
    KeReleaseSpinLock(&lock, before);
}

IN_PRE_WRITE
