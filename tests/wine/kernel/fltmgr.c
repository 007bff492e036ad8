/*
 * A Filter Manager whose volumes the filter is not attached to, for daxflush.sys in Wine: Wine's own
 * registers nothing, its push locks do not lock, and the rest of it is missing. Written from the
 * driver reference, sharing nothing with the driver; the page stands at each routine. What only an
 * attached filter calls is not here: Wine ends the kernel process at such a call and names it.
 */
#include <ntddk.h>

#define STATUS_FLT_INSTANCE_NOT_FOUND ((NTSTATUS)0xC01C0015)
#define FLT_REGISTRATION_VERSION 0x0203
#define FLTFL_FILTER_UNLOAD_MANDATORY 1
#define EXPORT __declspec(dllexport)

/* ns-fltkernel-_flt_registration, as far as the unload callback. */
struct registration {
    USHORT size;
    USHORT version;
    ULONG flags;
    const void *contexts;
    const void *operations;
    NTSTATUS (NTAPI *unload)(ULONG flags);
};

/* One filter is all there is. */
static struct {
    DRIVER_OBJECT *driver;
    NTSTATUS (NTAPI *unload)(ULONG flags);
} filter;

/* The volumes, which the filter has no instance on, and how often they are referenced. */
static struct {
    LONG references;
} volumes;

/* when-the-filterunloadcallback-routine-is-called: a service stop is a mandatory unload. */
static void NTAPI unload_driver(DRIVER_OBJECT *driver)
{
    if (filter.unload)
        filter.unload(FLTFL_FILTER_UNLOAD_MANDATORY);
    if (filter.driver) {
        DbgPrint("fltmgr: a filter was unloaded without FltUnregisterFilter\n");
        __builtin_trap();
    }
}

/* nf-fltkernel-fltregisterfilter */
EXPORT NTSTATUS NTAPI FltRegisterFilter(DRIVER_OBJECT *driver, const struct registration *registration,
                                        void **handle)
{
    if ((registration->version & 0xff00) != (FLT_REGISTRATION_VERSION & 0xff00) ||
        registration->size < sizeof *registration)
        return STATUS_INVALID_PARAMETER;
    if (filter.driver)
        __builtin_trap();
    filter.driver = driver;
    filter.unload = registration->unload;
    /* A filter without an unload callback cannot be unloaded. */
    driver->DriverUnload = registration->unload ? unload_driver : NULL;
    *handle = &filter;
    return STATUS_SUCCESS;
}

/* nf-fltkernel-fltstartfiltering */
EXPORT NTSTATUS NTAPI FltStartFiltering(void *handle)
{
    if (handle != &filter || !filter.driver)
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* nf-fltkernel-fltunregisterfilter: must be called after FltRegisterFilter, once. */
EXPORT void NTAPI FltUnregisterFilter(void *handle)
{
    if (handle != &filter || !filter.driver || volumes.references)
        __builtin_trap();
    filter.driver = NULL;
    filter.unload = NULL;
}

/*
 * nf-fltkernel-fltgetvolumefromfileobject: references the volume. Wine's files have no device object;
 * a file object of a driver's own device is on no volume.
 */
EXPORT NTSTATUS NTAPI FltGetVolumeFromFileObject(void *handle, FILE_OBJECT *file, void **volume)
{
    *volume = NULL;
    if (handle != &filter || file->DeviceObject)
        return STATUS_INVALID_PARAMETER;
    InterlockedIncrement(&volumes.references);
    *volume = &volumes;
    return STATUS_SUCCESS;
}

/* nf-fltkernel-fltgetvolumeinstancefromname: no matching instance was found. */
EXPORT NTSTATUS NTAPI FltGetVolumeInstanceFromName(void *handle, void *volume, UNICODE_STRING *name,
                                                   void **instance)
{
    *instance = NULL;
    return handle == &filter && volume == &volumes ? STATUS_FLT_INSTANCE_NOT_FOUND
                                                   : STATUS_INVALID_PARAMETER;
}

/* nf-fltkernel-fltobjectdereference */
EXPORT void NTAPI FltObjectDereference(void *object)
{
    if (object != &volumes || InterlockedDecrement(&volumes.references) < 0)
        __builtin_trap();
}

/*
 * nf-fltkernel-fltinitializepushlock and its siblings. A lock is a pointer's width: the number of its
 * shared holders, or -1. Releasing does not say how it was acquired.
 */
EXPORT void NTAPI FltInitializePushLock(LONG64 *lock)
{
    *(volatile LONG64 *)lock = 0;
}

static void held(LONG64 *lock, BOOLEAN is)
{
    if ((*(volatile LONG64 *)lock != 0) != is)
        __builtin_trap();
}

EXPORT void NTAPI FltDeletePushLock(LONG64 *lock)
{
    held(lock, FALSE);
}

static void wait_a_little(void)
{
    LARGE_INTEGER time;
    time.QuadPart = -1000;
    KeDelayExecutionThread(KernelMode, FALSE, &time);
}

EXPORT void NTAPI FltAcquirePushLockExclusive(LONG64 *lock)
{
    while (InterlockedCompareExchange64(lock, -1, 0) != 0)
        wait_a_little();
}

EXPORT void NTAPI FltAcquirePushLockShared(LONG64 *lock)
{
    for (;;) {
        LONG64 holders = *(volatile LONG64 *)lock;
        if (holders >= 0 && InterlockedCompareExchange64(lock, holders + 1, holders) == holders)
            return;
        wait_a_little();
    }
}

EXPORT void NTAPI FltReleasePushLock(LONG64 *lock)
{
    held(lock, TRUE);
    if (*(volatile LONG64 *)lock < 0)
        InterlockedIncrement64(lock);
    else
        InterlockedDecrement64(lock);
}
