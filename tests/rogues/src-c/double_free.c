// rule: pool | routine: ExFreePoolWithTag | verifier: special pool | page: nf-wdm-exfreepoolwithtag | does: frees a block twice
#include "rogue.h"

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);
    if (block) {
        ExFreePoolWithTag(block, TAG);
        ExFreePoolWithTag(block, TAG);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    return start_filtering(driver, pre_write, NULL, NULL);
}
