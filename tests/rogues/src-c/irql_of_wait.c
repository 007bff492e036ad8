// rule: IRQL | routine: KeWaitForSingleObject | verifier: force IRQL checking | page: nf-wdm-kewaitforsingleobject | does: waits with a time-out at DISPATCH_LEVEL
#include "rogue.h"

MISBEHAVE {
    KEVENT event;
    LARGE_INTEGER timeout = { .QuadPart = -10 };
    KeInitializeEvent(&event, NotificationEvent, 1);
    KeWaitForSingleObject(&event, Executive, KernelMode, 0, &timeout);
}

IN_POST_WRITE
