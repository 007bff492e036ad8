// rule: lock | routine: ExFreePoolWithTag | verifier: deadlock detection | page: nf-wdm-kereleasespinlock | does: frees a block with a spin lock in it that is held
#include "rogue.h"

MISBEHAVE {
    KSPIN_LOCK *lock = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *lock, TAG);
    if (!lock)
        return;
    KeInitializeSpinLock(lock);
    KfRaiseIrql(PASSIVE_LEVEL);
    KIRQL before = KeAcquireSpinLockRaiseToDpc(lock);
    ExFreePoolWithTag(lock, TAG);
    KeLowerIrql(before);
}

IN_PRE_WRITE
