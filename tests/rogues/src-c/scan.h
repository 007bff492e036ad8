/* A filter that makes a section for data scan at each flush and leaves it open; what is done with it later is
 * the subject. */
#include "flt.h"

static PVOID scanned;

static NTSTATUS register_for_scans(const FLT_RELATED_OBJECTS *objects, UNUSED ULONG flags, UNUSED ULONG device,
    UNUSED ULONG system) {
    return FltRegisterForDataScan(objects->Instance);
}

POST_OPERATION(scan_after_flush) {
    OBJECT_ATTRIBUTES attributes = { sizeof attributes, NULL, NULL, OBJ_KERNEL_HANDLE, NULL, NULL };
    HANDLE handle;
    PVOID object;
    if (FltAllocateContext(filter, FLT_SECTION_CONTEXT, 16, PagedPool, &scanned) < 0)
        return FLT_POSTOP_FINISHED_PROCESSING;
    NTSTATUS status = FltCreateSectionForDataScan(objects->Instance, objects->FileObject, scanned,
        SECTION_MAP_READ | SECTION_QUERY, &attributes, NULL, PAGE_READONLY, SEC_COMMIT, 0, &handle, &object, NULL);
    if (status >= 0) {
        ObfDereferenceObject(object);
        ZwClose(handle);
    }
    FltReleaseContext(scanned);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

#define WITH_SCANS(on_conflict) \
    NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { \
        (void)path; \
        own_registration.InstanceSetupCallback = register_for_scans; \
        own_registration.SectionNotificationCallback = on_conflict; \
        watch(IRP_MJ_FLUSH_BUFFERS, NULL, scan_after_flush); \
        return start_watching(driver); \
    }

#define CONFLICT_CALLBACK(name) \
    static NTSTATUS name(UNUSED PFLT_INSTANCE instance, UNUSED PVOID context, UNUSED FLT_CALLBACK_DATA *data)
