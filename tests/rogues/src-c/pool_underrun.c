// rule: pool underrun | routine: misbehave | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: writes before the begin of blocks
#include "rogue.h"

MISBEHAVE {
    volatile UCHAR *blocks[8];
    for (int at = 0; at < 8; at++) {
        blocks[at] = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
        if (blocks[at])
            blocks[at][-1] = 1;
    }
    for (int at = 0; at < 8; at++)
        ExFreePoolWithTag((PVOID)blocks[at], TAG);
}

IN_PRE_WRITE
