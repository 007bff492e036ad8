// rule: IRQL | routine: FltAcquirePushLockShared | verifier: force IRQL checking | page: nf-wdm-keacquirespinlockraisetodpc | does: acquires a push lock while it holds a spin lock
#include "rogue.h"

static KSPIN_LOCK spin_lock;
static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    KIRQL before = KeAcquireSpinLockRaiseToDpc(&spin_lock);
    FltAcquirePushLockShared(&lock);
    KeReleaseSpinLock(&spin_lock, before);
    FltReleasePushLock(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
