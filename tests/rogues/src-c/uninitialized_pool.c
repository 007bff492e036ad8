// rule: uninitialized pool | routine: misbehave | verifier: special pool | page: nf-wdm-exallocatepoolwithtag | does: follows a pointer in a block that it has not written
#include "rogue.h"

typedef struct _NODE {
    struct _NODE *Next;
    ULONG Value;
} NODE;

MISBEHAVE {
    NODE *volatile node = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(NODE), TAG);
    if (!node)
        return;
    node->Next->Value = 1;
    ExFreePoolWithTag(node, TAG);
}

IN_PRE_WRITE
