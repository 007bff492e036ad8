// rule: lock | routine: ExAcquireFastMutex | verifier: deadlock detection | page: nf-wdm-exacquirefastmutex | does: acquires a fast mutex that it holds
#include "rogue.h"

static FAST_MUTEX mutex;

MISBEHAVE {
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    ExReleaseFastMutex(&mutex);
    ExReleaseFastMutex(&mutex);
}

IN_PRE_WRITE
