// rule: PnP | routine: pre | verifier: I/O verification | page: irp-mn-cancel-remove-device | does: fails IRP_MN_CANCEL_REMOVE_DEVICE
#include "flt.h"

enum { IRP_MJ_PNP = 27 };

PRE_OPERATION(pre) {
    data->IoStatus.u.Status = STATUS_NOT_SUPPORTED;
    return FLT_PREOP_COMPLETE;
}

WITH_OPERATION(IRP_MJ_PNP, pre, NULL)
