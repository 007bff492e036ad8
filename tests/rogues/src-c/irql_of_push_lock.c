// rule: IRQL | routine: FltAcquirePushLockExclusive | verifier: force IRQL checking | page: nf-fltkernel-fltacquirepushlockexclusive | does: acquires a push lock at DISPATCH_LEVEL
#include "rogue.h"

MISBEHAVE {
    ULONG_PTR lock;
    FltInitializePushLock(&lock);
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL);
    FltAcquirePushLockExclusive(&lock);
    KeLowerIrql(before);
    FltReleasePushLock(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
