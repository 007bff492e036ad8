// rule: IRQL | routine: KeLowerIrql | verifier: force IRQL checking | page: nf-wdm-kelowerirql | does: lowers the IRQL to a higher one
#include "rogue.h"

MISBEHAVE {
    KfRaiseIrql(PASSIVE_LEVEL);
    KeLowerIrql(APC_LEVEL);
}

IN_PRE_WRITE
