// rule: handle | routine: ZwOpenKey | verifier: DDI compliance | page: nf-wdm-zwopenkey | does: opens a key without OBJ_KERNEL_HANDLE
#include "flt.h"

static NTSTATUS open_key(UNICODE_STRING *path, ULONG flags, HANDLE *key) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, path, flags, NULL, NULL };
    return ZwOpenKey(key, KEY_READ, &attributes);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    HANDLE key;
    if (open_key(path, 0, &key) >= 0)
        ZwClose(key);
    return start_filtering(driver, NULL, NULL, NULL);
}
