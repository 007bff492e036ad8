// rule: registry | routine: ZwSetValueKey | verifier: none | page: nf-wdm-zwsetvaluekey | does: sets a value with a title index, which is reserved
#include "flt.h"

enum { KEY_SET_VALUE = 2, REG_DWORD = 4 };
IMPORT NTSTATUS ZwSetValueKey(HANDLE, const UNICODE_STRING *, ULONG, ULONG, const void *, ULONG);
STRING(value_name, L"Rogue");

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, path, OBJ_KERNEL_HANDLE, NULL, NULL };
    const ULONG value = 7;
    HANDLE key;
    if (ZwOpenKey(&key, KEY_SET_VALUE, &attributes) >= 0) {
        ZwSetValueKey(key, &value_name, 1, REG_DWORD, &value, sizeof value);
        ZwClose(key);
    }
    return start_filtering(driver, NULL, NULL, NULL);
}
