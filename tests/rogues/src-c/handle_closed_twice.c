// rule: handle | routine: ZwClose | verifier: all | page: nf-ntifs-ntclose | does: closes a handle twice
#include "flt.h"

static NTSTATUS open_key(UNICODE_STRING *path, ULONG flags, HANDLE *key) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, path, flags, NULL, NULL };
    return ZwOpenKey(key, KEY_READ, &attributes);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    HANDLE key;
    if (open_key(path, OBJ_KERNEL_HANDLE, &key) >= 0) {
        ZwClose(key);
        ZwClose(key);
    }
    return start_filtering(driver, NULL, NULL, NULL);
}
