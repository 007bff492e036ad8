// rule: none | routine: none | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_section_conflict_notification_callback | does: scans a section and closes it on a conflict
#include "scan.h"

CONFLICT_CALLBACK(on_conflict) {
    FltCloseSectionForDataScan(scanned);
    return STATUS_SUCCESS;
}

WITH_SCANS(on_conflict)
