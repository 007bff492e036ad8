// rule: string | routine: pre | verifier: special pool | page: ns-fltkernel-_flt_file_name_information | does: looks for a null character in a file name
#include "flt.h"

PRE_OPERATION(pre) {
    PVOID information;
    if (FltGetFileNameInformation(data, 0x102, &information) >= 0) {
        for (volatile WCHAR *at = ((UNICODE_STRING *)((UCHAR *)information + 8))->Buffer; *at; at++)
            ;
        FltReleaseFileNameInformation(information);
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
