// rule: lock | routine: KeReleaseMutex | verifier: deadlock detection | page: nf-wdm-kereleasemutex | does: releases a mutex that it does not hold
#include "rogue.h"

static KMUTEX mutex;

MISBEHAVE {
    KeInitializeMutex(&mutex, 0);
    KeReleaseMutex(&mutex, 0);
}

IN_PRE_WRITE
