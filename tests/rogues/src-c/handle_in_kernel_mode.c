// rule: handle | routine: ObReferenceObjectByHandle | verifier: always on | page: nf-wdm-obreferenceobjectbyhandle | does: looks a program's handle up in KernelMode
#include "flt.h"

CONTROL_ROUTINE(control) {
    PVOID file;
    if (ObReferenceObjectByHandle(*(HANDLE *)irp->SystemBuffer, 0, IoFileObjectType, KernelMode, &file, NULL) >= 0)
        ObfDereferenceObject(file);
    return complete(irp, STATUS_SUCCESS, 0);
}

WITH_CONTROL(control)
