// rule: lock | routine: ExReleaseFastMutex | verifier: deadlock detection | page: nf-wdm-exreleasefastmutex | does: releases a fast mutex that it does not hold
#include "rogue.h"

static FAST_MUTEX mutex;

MISBEHAVE {
    ExInitializeFastMutex(&mutex);
    ExReleaseFastMutex(&mutex);
}

IN_PRE_WRITE
