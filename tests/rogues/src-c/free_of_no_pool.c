// rule: pool | routine: ExFreePool | verifier: pool tracking | page: nf-ntddk-exfreepool | does: frees a variable
#include "rogue.h"

static ULONG variable[4];

MISBEHAVE {
    ExFreePool(variable);
}

IN_PRE_WRITE
