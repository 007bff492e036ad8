// rule: lock | routine: ExFreePoolWithTag | verifier: deadlock detection | page: nf-wdm-kereleasemutex | does: frees a block with a mutex in it that it holds
#include "rogue.h"

MISBEHAVE {
    KMUTEX *mutex = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *mutex, TAG);
    if (!mutex)
        return;
    KeInitializeMutex(mutex, 0);
    KeWaitForSingleObject(mutex, Executive, KernelMode, 0, NULL);
    ExFreePoolWithTag(mutex, TAG);
}

IN_PRE_WRITE
