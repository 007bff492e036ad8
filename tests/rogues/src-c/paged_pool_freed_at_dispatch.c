// rule: pool | routine: ExFreePoolWithTag | verifier: force IRQL checking | page: nf-wdm-exfreepoolwithtag | does: frees paged pool at DISPATCH_LEVEL
#include "rogue.h"

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects;
    *context = ExAllocatePoolWithTag(PagedPool, 100, TAG);
    return *context ? FLT_PREOP_SUCCESS_WITH_CALLBACK : FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static int post_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) {
    (void)data, (void)objects, (void)flags;
    ExFreePoolWithTag(context, TAG);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

ENTRY(pre_write, post_write, NULL)
