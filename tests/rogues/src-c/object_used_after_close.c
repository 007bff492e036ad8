// rule: object | routine: pre | verifier: special pool | page: nf-wdm-obdereferenceobject | does: uses a file object that it kept without a reference
#include "flt.h"

static PFILE_OBJECT kept;

PRE_OPERATION(pre) {
    if (kept)
        return *(volatile CSHORT *)kept == 5 ? FLT_PREOP_SUCCESS_NO_CALLBACK : FLT_PREOP_COMPLETE;
    kept = objects->FileObject;
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_CREATE, pre, NULL)
