// rule: none | routine: none | verifier: all of it | page: making-drivers-pageable | does: calls pageable code at PASSIVE_LEVEL, and code that is discarded in DriverEntry
#include "flt.h"

static volatile int calls;

__attribute__((noinline, section("PAGE"))) static void in_page(void) {
    calls++;
}

__attribute__((noinline, section("INIT"))) static void in_init(void) {
    calls++;
}

PRE_OPERATION(pre) {
    in_page();
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

POST_OPERATION(post) {
    calls++;
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static NTSTATUS leave(ULONG flags) {
    in_page();
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    in_init();
    own_registration.FilterUnloadCallback = leave;
    watch(IRP_MJ_WRITE, pre, post);
    return start_watching(driver);
}
