// rule: pool | routine: ExFreePool | verifier: pool tracking | page: nf-ntddk-exfreepool | does: frees an address inside of a block
#include "rogue.h"

MISBEHAVE {
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (!block)
        return;
    ExFreePool(block + 16);
    ExFreePool(block);
}

IN_PRE_WRITE
