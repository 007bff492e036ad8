// rule: section | routine: on_conflict | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_section_conflict_notification_callback | does: fails the callback for a section's conflict
#include "scan.h"

CONFLICT_CALLBACK(on_conflict) {
    FltCloseSectionForDataScan(scanned);
    if (instance)
        return STATUS_INVALID_DEVICE_REQUEST;
    return STATUS_SUCCESS;
}

WITH_SCANS(on_conflict)
