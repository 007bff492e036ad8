// rule: section | routine: unload | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_section_conflict_notification_callback | does: never closes a section for data scan whose conflict it was told of
#include "scan.h"

CONFLICT_CALLBACK(on_conflict) {
    return STATUS_SUCCESS;
}

WITH_SCANS(on_conflict)
