// rule: leak | routine: unload | verifier: I/O verification | page: nf-wdm-zwopenkey | does: never closes a handle
#include "flt.h"

static NTSTATUS open_key(UNICODE_STRING *path, ULONG flags, HANDLE *key) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, path, flags, NULL, NULL };
    return ZwOpenKey(key, KEY_READ, &attributes);
}

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    HANDLE key;
    open_key(path, OBJ_KERNEL_HANDLE, &key);
    return start_filtering(driver, NULL, NULL, NULL);
}
