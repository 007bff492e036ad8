// rule: lock | routine: pre_write | verifier: deadlock detection | page: nf-wdm-kereleasemutex | does: returns from a pre-operation with a mutex held
#include "rogue.h"

static KMUTEX mutex;

MISBEHAVE {
    KeInitializeMutex(&mutex, 0);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
}

IN_PRE_WRITE
