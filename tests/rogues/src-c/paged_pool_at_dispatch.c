// rule: pool | routine: ExAllocatePoolWithTag | verifier: force IRQL checking | page: nf-wdm-exallocatepoolwithtag | does: allocates paged pool at DISPATCH_LEVEL
#include "rogue.h"

static PVOID block;

static int post_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) {
    (void)data, (void)objects, (void)context, (void)flags;
    if (!block)
        block = ExAllocatePoolWithTag(PagedPool, 100, TAG);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static NTSTATUS leave(ULONG flags) {
    unload(flags);
    if (block)
        ExFreePoolWithTag(block, TAG);
    return STATUS_SUCCESS;
}

ENTRY(NULL, post_write, leave)
