// rule: lock | routine: KeAcquireSpinLockRaiseToDpc | verifier: deadlock detection | page: nf-wdm-keinitializespinlock | does: acquires a spin lock in a block that it has not written
#include "rogue.h"

MISBEHAVE {
    KSPIN_LOCK *lock = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *lock, TAG);
    if (!lock)
        return;
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL);
    KeAcquireSpinLockRaiseToDpc(lock);
    KeLowerIrql(before);
    ExFreePoolWithTag(lock, TAG);
}

IN_PRE_WRITE
