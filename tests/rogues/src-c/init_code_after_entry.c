// rule: discarded code | routine: in_init | verifier: none | page: pageable-and-discardable-code-in-a-protocol-driver | does: calls code of a section named INIT after DriverEntry
#include "flt.h"

static volatile int calls;

__attribute__((noinline, section("INIT"))) static void in_init(void) {
    calls++;
}

PRE_OPERATION(pre) {
    in_init();
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    in_init();
    watch(IRP_MJ_WRITE, pre, NULL);
    return start_watching(driver);
}
