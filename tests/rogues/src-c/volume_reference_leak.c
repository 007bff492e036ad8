// rule: leak | routine: unload | verifier: Filter Manager's verification | page: nf-fltkernel-fltgetvolumefrominstance | does: never dereferences a volume
#include "flt.h"

PRE_OPERATION(pre) {
    PFLT_VOLUME volume;
    FltGetVolumeFromInstance(objects->Instance, &volume);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
