// rule: IRQL | routine: ExReleaseFastMutex | verifier: force IRQL checking | page: nf-wdm-exreleasefastmutex | does: releases a fast mutex at PASSIVE_LEVEL
#include "rogue.h"

static FAST_MUTEX mutex;

MISBEHAVE {
    ExInitializeFastMutex(&mutex);
    KIRQL before = KfRaiseIrql(PASSIVE_LEVEL);
    ExAcquireFastMutex(&mutex);
    KeLowerIrql(before);
    ExReleaseFastMutex(&mutex);
}

IN_PRE_WRITE
