// rule: section | routine: unload | verifier: Filter Manager's verification | page: nf-fltkernel-fltclosesectionfordatascan | does: never closes a section for data scan
#include "scan.h"

WITH_SCANS(NULL)
