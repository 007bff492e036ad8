// rule: lock | routine: KeInitializeMutex | verifier: deadlock detection | page: nf-wdm-keinitializemutex | does: initializes a mutex that it holds
#include "rogue.h"

static KMUTEX mutex;

static int pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    (void)data, (void)objects, (void)context;
    KeInitializeMutex(&mutex, 0);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, 0, NULL);
    KeInitializeMutex(&mutex, 0);
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

ENTRY(pre_write, NULL, NULL)
