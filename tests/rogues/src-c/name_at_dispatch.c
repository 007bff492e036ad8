// rule: IRQL | routine: FltGetFileNameInformation | verifier: force IRQL checking | page: nf-fltkernel-fltgetfilenameinformation | does: asks for a file name at DISPATCH_LEVEL
#include "flt.h"

POST_OPERATION(post) {
    PVOID name;
    if (FltGetFileNameInformation(data, 0x102, &name) >= 0)
        FltReleaseFileNameInformation(name);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_WRITE, NULL, post)
