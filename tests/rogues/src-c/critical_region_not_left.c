// rule: critical region | routine: pre_write | verifier: miscellaneous checks | page: nf-ntddk-keentercriticalregion | does: returns from a pre-operation in a critical region
#include "rogue.h"

MISBEHAVE {
    KeEnterCriticalRegion();
}

IN_PRE_WRITE
