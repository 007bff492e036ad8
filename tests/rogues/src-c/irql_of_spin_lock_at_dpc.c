// rule: IRQL | routine: KeAcquireSpinLockAtDpcLevel | verifier: force IRQL checking | page: nf-wdm-keacquirespinlockatdpclevel | does: acquires a spin lock at PASSIVE_LEVEL as if it were at DISPATCH_LEVEL
#include "rogue.h"

static KSPIN_LOCK lock;

MISBEHAVE {
    KeAcquireSpinLockAtDpcLevel(&lock);
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL);
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeLowerIrql(before);
}

IN_PRE_WRITE
