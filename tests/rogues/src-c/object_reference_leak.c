// rule: leak | routine: unload | verifier: object tracking, !object | page: nf-wdm-obreferenceobject | does: never dereferences a file object
#include "flt.h"

PRE_OPERATION(pre) {
    ObfReferenceObject(objects->FileObject);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
