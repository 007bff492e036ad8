// rule: push lock | routine: FltReleasePushLock | verifier: deadlock detection | page: nf-fltkernel-fltreleasepushlock | does: releases a push lock that it does not hold
#include "rogue.h"

static ULONG_PTR lock;

MISBEHAVE {
    FltInitializePushLock(&lock);
    FltReleasePushLock(&lock);
    FltDeletePushLock(&lock);
}

IN_PRE_WRITE
