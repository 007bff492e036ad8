// rule: unload | routine: leave | verifier: none | page: nf-wdm-exqueueworkitem | does: is unloaded while its work routine runs
#include "flt.h"

static void sleeps(UNUSED PVOID parameter) {
    LARGE_INTEGER while_it_goes = { .QuadPart = -10000000 };
    KeDelayExecutionThread(KernelMode, 0, &while_it_goes);
}

static NTSTATUS leave(ULONG flags) {
    static WORK_QUEUE_ITEM item = { .WorkerRoutine = sleeps };
    ExQueueWorkItem(&item, DelayedWorkQueue);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    return start_filtering(driver, NULL, NULL, leave);
}
