// rule: IRQL | routine: ExAllocatePoolWithTag | verifier: force IRQL checking | page: nf-wdm-exallocatepoolwithtag | does: allocates pool above DISPATCH_LEVEL
#include "rogue.h"

MISBEHAVE {
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL + 1);
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    KeLowerIrql(before);
    if (block)
        ExFreePoolWithTag(block, TAG);
}

IN_PRE_WRITE
