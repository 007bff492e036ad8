// rule: callback | routine: post_write | verifier: force IRQL checking | page: nc-fltkernel-pflt_post_operation_callback | does: returns from a post-operation at a lower IRQL
#include "rogue.h"

MISBEHAVE {
    KfRaiseIrql(DISPATCH_LEVEL + 1);
}

IN_POST_WRITE
