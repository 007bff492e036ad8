// rule: IRQL | routine: IoDeleteSymbolicLink | verifier: force IRQL checking | page: nf-wdm-exacquirefastmutex | does: calls a routine for PASSIVE_LEVEL while it holds a fast mutex
#include "rogue.h"

static FAST_MUTEX mutex;

MISBEHAVE {
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    IoDeleteSymbolicLink(&link_name);
    ExReleaseFastMutex(&mutex);
}

IN_PRE_WRITE
