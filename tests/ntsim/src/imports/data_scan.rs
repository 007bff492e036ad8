//! Routines of fltmgr.sys for sections.

use super::{code, imports, sections::is_kernel_handle};
use crate::{NtStatus, sections::DataScanRequest};

imports! {
    /// nf-fltkernel-fltregisterfordatascan
    FltRegisterForDataScan(instance: usize) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltRegisterForDataScan") {
            return NtStatus::NOT_SUPPORTED.0;
        }
        code(kernel.live_instance(instance).map(|index| {
            kernel.lock().volumes[index].data_scan = true;
        }))
    }
    /// nf-fltkernel-fltcreatesectionfordatascan
    FltCreateSectionForDataScan(
        instance: usize, file: usize, context: usize, access: u32, attributes: usize,
        maximum_size: usize, protection: u32, allocation: u32, flags: u32, handle: *mut u64,
        object: *mut usize, file_size: *mut u64
    ) -> i32, APC_LEVEL, |kernel| {
        let _ = (maximum_size, flags);
        if kernel.fails("FltCreateSectionForDataScan") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let request = DataScanRequest {
            instance,
            file_object: file,
            context,
            access,
            kernel_handle: is_kernel_handle(&kernel, attributes),
            protection,
            allocation,
        };
        let created = kernel.create_data_scan_section(&request);
        code(created.map(|section| {
            // SAFETY: the driver's out parameters, in all of these.
            unsafe { handle.write(section.handle) };
            // SAFETY: as above.
            unsafe { object.write(section.object) };
            if !file_size.is_null() {
                // SAFETY: as above.
                unsafe { file_size.write(section.file_size) };
            }
        }))
    }
    /// nf-fltkernel-fltclosesectionfordatascan
    FltCloseSectionForDataScan(context: usize) -> i32, APC_LEVEL, |kernel| {
        kernel.close_data_scan_section(context).0
    }
}
