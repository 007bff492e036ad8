// rule: section | routine: unload | verifier: Filter Manager's verification | page: nc-fltkernel-pflt_section_conflict_notification_callback | does: never closes a section for data scan whose conflict it was told of
#include "flt.h"

static PVOID scanned;

static NTSTATUS setup(const FLT_RELATED_OBJECTS *objects, UNUSED ULONG flags, UNUSED ULONG device, UNUSED ULONG system) {
    return FltRegisterForDataScan(objects->Instance);
}

static NTSTATUS on_conflict(UNUSED PFLT_INSTANCE instance, UNUSED PVOID context, UNUSED FLT_CALLBACK_DATA *data) {
    return STATUS_SUCCESS;
}

POST_OPERATION(post_flush) {
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

NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) {
    (void)path;
    own_registration.InstanceSetupCallback = setup;
    own_registration.SectionNotificationCallback = on_conflict;
    watch(IRP_MJ_FLUSH_BUFFERS, NULL, post_flush);
    return start_watching(driver);
}
