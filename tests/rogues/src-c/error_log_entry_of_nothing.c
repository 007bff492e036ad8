// rule: error log | routine: IoWriteErrorLogEntry | verifier: none | page: nf-wdm-iowriteerrorlogentry | does: writes an entry that it did not allocate
#include "flt.h"

IMPORT void IoWriteErrorLogEntry(PVOID);

PRE_OPERATION(pre) {
    static ULONGLONG entry[8];
    IoWriteErrorLogEntry(entry);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, NULL)
