// rule: callback | routine: pre_write | verifier: force IRQL checking | page: nc-fltkernel-pflt_pre_operation_callback | does: returns from a pre-operation at a raised IRQL
#include "rogue.h"

MISBEHAVE {
    KfRaiseIrql(APC_LEVEL);
}

IN_PRE_WRITE
