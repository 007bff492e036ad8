/*
 * Kernel routines that daxflush.sys calls without a volume and that Wine's ntoskrnl.exe lacks or has in
 * part. Every other routine is Wine's own: src/kernel.rs forwards them. Written from the driver reference; the
 * page stands at each.
 */
#include <windows.h>
#include <winternl.h>

#define STATUS_SUCCESS 0
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022)

/* nf-wdm-kequeryinterrupttimeprecise: 100 ns units, and the performance counter they were made of. */
ULONG64 WINAPI KeQueryInterruptTimePrecise(ULONG64 *counter)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    *counter = now.QuadPart;
    return now.QuadPart / frequency.QuadPart * 10000000 +
           now.QuadPart % frequency.QuadPart * 10000000 / frequency.QuadPart;
}

/* Event providers that nobody listens to. A handle is not 0 until it is unregistered. */
static LONG64 providers;

/* nf-wdm-etwregister */
NTSTATUS WINAPI EtwRegister(const GUID *provider, void *enabled, void *context, ULONG64 *handle)
{
    if (!provider || !handle)
        return (NTSTATUS)STATUS_INVALID_PARAMETER;
    *handle = InterlockedIncrement64(&providers);
    return STATUS_SUCCESS;
}

static NTSTATUS known(ULONG64 handle)
{
    return handle && handle <= (ULONG64)providers ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_HANDLE;
}

/* nf-wdm-etwunregister */
NTSTATUS WINAPI EtwUnregister(ULONG64 handle)
{
    return known(handle);
}

/* nf-wdm-etwsetinformation */
NTSTATUS WINAPI EtwSetInformation(ULONG64 handle, int kind, void *information, ULONG bytes)
{
    return known(handle);
}

/* nf-wdm-etwwritetransfer: an event that nobody listens to. */
NTSTATUS WINAPI EtwWriteTransfer(ULONG64 handle, const void *event, const GUID *activity,
                                 const GUID *related, ULONG count, void *data)
{
    return known(handle);
}

/* Wine's own, which knows handles of the kernel's process only. */
NTSTATUS WINAPI ntwine_ObReferenceObjectByHandle(HANDLE, ACCESS_MASK, void *, char, void **, void *);
HANDLE WINAPI ntwine_PsGetCurrentProcessId(void);
void WINAPI ntwine_ObfDereferenceObject(void *);

/* ns-wdm-_object_handle_information */
struct handle_information {
    ULONG attributes;
    ACCESS_MASK granted;
};

/*
 * nf-wdm-obreferenceobjectbyhandle. In UserMode a handle is one of the current process, whose request
 * this is, and has to grant the access that is asked for.
 */
NTSTATUS WINAPI ObReferenceObjectByHandle(HANDLE handle, ACCESS_MASK access, void *type, char mode,
                                          void **object, struct handle_information *information)
{
    PUBLIC_OBJECT_BASIC_INFORMATION basic = {0};
    HANDLE process, own = NULL;
    NTSTATUS status;

    if (!mode)
        return ntwine_ObReferenceObjectByHandle(handle, access, type, mode, object, information);
    *object = NULL;
    process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, HandleToULong(ntwine_PsGetCurrentProcessId()));
    if (!process)
        return (NTSTATUS)STATUS_INVALID_HANDLE;
    if (!DuplicateHandle(process, handle, GetCurrentProcess(), &own, 0, FALSE, DUPLICATE_SAME_ACCESS))
        status = (NTSTATUS)STATUS_INVALID_HANDLE;
    else if (!(status = NtQueryObject(own, ObjectBasicInformation, &basic, sizeof basic, NULL)))
        status = ntwine_ObReferenceObjectByHandle(own, access, type, 0, object, NULL);
    if (!status && access & ~basic.GrantedAccess) {
        ntwine_ObfDereferenceObject(*object);
        *object = NULL;
        status = STATUS_ACCESS_DENIED;
    }
    if (!status && information) {
        information->attributes = basic.Attributes;
        information->granted = basic.GrantedAccess;
    }
    if (own)
        CloseHandle(own);
    CloseHandle(process);
    return status;
}
