// rule: paged code | routine: in_page | verifier: force IRQL checking | page: making-drivers-pageable | does: calls code of a section named PAGE at DISPATCH_LEVEL
#include "flt.h"

static volatile int calls;

__attribute__((noinline, section("PAGE"))) static void in_page(void) {
    calls++;
}

PRE_OPERATION(pre) {
    in_page();
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

POST_OPERATION(post) {
    in_page();
    return FLT_POSTOP_FINISHED_PROCESSING;
}

WITH_OPERATION(IRP_MJ_WRITE, pre, post)
