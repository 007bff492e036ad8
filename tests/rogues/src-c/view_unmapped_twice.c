// rule: view | routine: ZwUnmapViewOfSection | verifier: none | page: nf-wdm-zwunmapviewofsection | does: unmaps a view twice
#include "flt.h"

static NTSTATUS make_section(HANDLE *section, PVOID *view) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, NULL, OBJ_KERNEL_HANDLE, NULL, NULL };
    LARGE_INTEGER size = { .QuadPart = 4096 };
    SIZE_T length = 0;
    *view = NULL;
    NTSTATUS status = ZwCreateSection(section, 0xf001f, &attributes, &size, PAGE_READWRITE, SEC_COMMIT, NULL);
    if (status < 0)
        return status;
    return ZwMapViewOfSection(*section, CURRENT_PROCESS, view, 0, 0, NULL, &length, 2, 0, PAGE_READWRITE);
}

PRE_OPERATION(pre) {
    HANDLE section;
    PVOID view;
    if (make_section(&section, &view) >= 0) {
        ZwUnmapViewOfSection(CURRENT_PROCESS, view);
        ZwUnmapViewOfSection(CURRENT_PROCESS, view);
        ZwClose(section);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
