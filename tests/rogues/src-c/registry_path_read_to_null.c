// rule: string | routine: DriverEntry | verifier: special pool | page: nc-wdm-driver_initialize | does: looks for a null character in its registry path
#include "flt.h"

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    for (volatile WCHAR *at = path->Buffer; *at; at++)
        ;
    return start_filtering(driver, NULL, NULL, NULL);
}
