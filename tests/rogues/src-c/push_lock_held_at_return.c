// rule: lock | routine: pre_write | verifier: deadlock detection | page: nf-fltkernel-fltacquirepushlockexclusive | does: returns from a pre-operation with a push lock held
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltAcquirePushLockExclusive(&lock);
}

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    misbehave();
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static NTSTATUS leave(ULONG flags) {
    FltReleasePushLock(&lock);
    FltDeletePushLock(&lock);
    return unload(flags);
}

ENTRY(pre_write, NULL, leave)
