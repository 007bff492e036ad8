// rule: IRQL | routine: KfRaiseIrql | verifier: force IRQL checking | page: nf-wdm-keraiseirql | does: raises the IRQL to a lower one
#include "rogue.h"

MISBEHAVE {
    KIRQL before = KfRaiseIrql(DISPATCH_LEVEL);
    KfRaiseIrql(APC_LEVEL);
    KeLowerIrql(before);
}

IN_PRE_WRITE
