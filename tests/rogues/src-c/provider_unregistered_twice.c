// rule: tracing | routine: EtwUnregister | verifier: none | page: nf-wdm-etwunregister | does: unregisters a trace provider that it did not register
#include "flt.h"

IMPORT NTSTATUS EtwUnregister(ULONGLONG);

static NTSTATUS leave(ULONG flags) {
    EtwUnregister(1);
    return unload(flags);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    return start_filtering(driver, NULL, NULL, leave);
}
