// rule: IRQL | routine: KeDelayExecutionThread | verifier: force IRQL checking | page: nf-wdm-kedelayexecutionthread | does: sleeps at DISPATCH_LEVEL
#include "rogue.h"

MISBEHAVE {
    LARGE_INTEGER interval = { .QuadPart = -1 };
    KeDelayExecutionThread(KernelMode, 0, &interval);
}

IN_POST_WRITE
