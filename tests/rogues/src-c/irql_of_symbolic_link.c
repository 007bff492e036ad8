// rule: IRQL | routine: IoDeleteSymbolicLink | verifier: force IRQL checking | page: nf-wdm-iodeletesymboliclink | does: deletes a symbolic link at APC_LEVEL
#include "rogue.h"

MISBEHAVE {
    KIRQL before = KfRaiseIrql(APC_LEVEL);
    IoDeleteSymbolicLink(&link_name);
    KeLowerIrql(before);
}

IN_PRE_WRITE
