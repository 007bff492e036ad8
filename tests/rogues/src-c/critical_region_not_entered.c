// rule: critical region | routine: KeLeaveCriticalRegion | verifier: miscellaneous checks | page: nf-ntddk-keleavecriticalregion | does: leaves a critical region that it has not entered
#include "rogue.h"

MISBEHAVE {
    KeLeaveCriticalRegion();
}

IN_PRE_WRITE
