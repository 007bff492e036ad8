// rule: lock | routine: ExAcquireFastMutex | verifier: deadlock detection | page: nf-wdm-exinitializefastmutex | does: acquires a fast mutex that was not initialized
#include "rogue.h"

static FAST_MUTEX mutex;

MISBEHAVE {
    ExAcquireFastMutex(&mutex);
}

IN_PRE_WRITE
