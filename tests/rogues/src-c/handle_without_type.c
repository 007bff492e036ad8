// rule: object | routine: ObReferenceObjectByHandle | verifier: none | page: nf-wdm-obreferenceobjectbyhandle | does: looks a program's handle up without a type
#include "flt.h"

CONTROL_ROUTINE(control) {
    PVOID file;
    if (ObReferenceObjectByHandle(*(HANDLE *)irp->SystemBuffer, 0, NULL, UserMode, &file, NULL) >= 0)
        ObfDereferenceObject(file);
    return complete(irp, STATUS_SUCCESS, 0);
}

WITH_CONTROL(control)
