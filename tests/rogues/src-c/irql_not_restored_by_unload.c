// rule: callback | routine: leave | verifier: force IRQL checking | page: nc-fltkernel-pflt_filter_unload_callback | does: returns from its unload callback at a raised IRQL
#include "rogue.h"

static NTSTATUS leave(ULONG flags) {
    unload(flags);
    KfRaiseIrql(APC_LEVEL);
    return STATUS_SUCCESS;
}

ENTRY(NULL, NULL, leave)
