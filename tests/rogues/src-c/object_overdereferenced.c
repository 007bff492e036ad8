// rule: object | routine: ObfDereferenceObject | verifier: all | page: nf-wdm-obdereferenceobject | does: dereferences a file object that it has not referenced
#include "flt.h"

PRE_OPERATION(pre) {
    ObfDereferenceObject(objects->FileObject);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
