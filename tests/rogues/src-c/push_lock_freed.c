// rule: push lock | routine: ExFreePoolWithTag | verifier: deadlock detection | page: nf-fltkernel-fltdeletepushlock | does: frees a block with a push lock in it
#include "rogue.h"

MISBEHAVE {
    ULONG_PTR *lock = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *lock, TAG);
    if (!lock)
        return;
    FltInitializePushLock(lock);
    ExFreePoolWithTag(lock, TAG);
}

IN_PRE_WRITE
