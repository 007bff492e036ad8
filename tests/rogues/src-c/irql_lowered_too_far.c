// rule: IRQL | routine: KeLowerIrql | verifier: force IRQL checking | page: nf-wdm-kelowerirql | does: lowers the IRQL in a post-operation that was called at DISPATCH_LEVEL
#include "rogue.h"

MISBEHAVE {
    KeLowerIrql(PASSIVE_LEVEL);
    KfRaiseIrql(DISPATCH_LEVEL);
}

IN_POST_WRITE
