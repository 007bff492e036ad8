//! Routines of ntoskrnl.exe for sections and views.

use super::{code, imports};
use crate::{
    NtStatus,
    kernel::Kernel,
    nt::{get, object_attributes},
    sections::{MapRequest, PageFileRequest},
};

/// Whether OBJECT_ATTRIBUTES ask for a handle of the kernel's; the structure may be absent.
pub(super) fn is_kernel_handle(kernel: &Kernel, attributes: usize) -> bool {
    if attributes == 0 {
        return false;
    }
    // SAFETY: the driver's OBJECT_ATTRIBUTES.
    let size: u32 = unsafe { get(attributes, 0) };
    if size != object_attributes::SIZE {
        kernel.violation("section", "OBJECT_ATTRIBUTES of a wrong length");
    }
    // SAFETY: as above.
    let flags: u32 = unsafe { get(attributes, object_attributes::ATTRIBUTES) };
    flags & object_attributes::OBJ_KERNEL_HANDLE != 0
}

/// A value that the driver may leave out.
///
/// # Safety
/// `value` is null or the driver's pointer to a value.
unsafe fn optional(value: *const u64) -> Option<u64> {
    // SAFETY: the caller's promise.
    (!value.is_null()).then(|| unsafe { value.read() })
}

const CURRENT_PROCESS: isize = -1;

imports! {
    /// nf-wdm-zwcreatesection
    ZwCreateSection(
        section: *mut u64, access: u32, attributes: usize, maximum_size: *const u64,
        protection: u32, allocation: u32, file: u64
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        if file != 0 {
            kernel.violation("not simulated", "only page-file sections are simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        if kernel.fails("ZwCreateSection") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let request = PageFileRequest {
            access,
            kernel_handle: is_kernel_handle(&kernel, attributes),
            // SAFETY: the driver's optional in parameter.
            size: unsafe { optional(maximum_size) },
            protection,
            allocation,
        };
        code(kernel.create_page_file_section(&request).map(|handle| {
            // SAFETY: the driver's out parameter.
            unsafe { section.write(handle) };
        }))
    }
    /// nf-wdm-zwmapviewofsection
    ZwMapViewOfSection(
        section: u64, process: isize, base: *mut usize, zero_bits: usize, commit: usize,
        offset: *mut u64, size: *mut usize, inherit: u32, kind: u32, protection: u32
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        const VIEW_UNMAP: u32 = 2;
        // Means something for page-file sections only, whose memory is all there anyway.
        let _ = commit;
        // SAFETY: the driver's in and out parameters.
        let (at, length) = unsafe { (base.read(), size.read()) };
        let plain = at == 0 && zero_bits == 0 && kind == 0;
        if !plain || process != CURRENT_PROCESS || inherit != VIEW_UNMAP {
            kernel.violation("not simulated", "only views anywhere in the current process are simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        if kernel.fails("ZwMapViewOfSection") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let request = MapRequest {
            section,
            // SAFETY: the driver's optional in parameter.
            offset: unsafe { optional(offset) }.unwrap_or(0),
            size: length as u64,
            protection,
        };
        code(kernel.map_view_of_section(&request).map(|(address, length)| {
            // SAFETY: the driver's out parameters.
            unsafe { base.write(address) };
            // SAFETY: as above.
            unsafe { size.write(length) };
        }))
    }
    /// nf-wdm-zwunmapviewofsection
    ZwUnmapViewOfSection(process: isize, base: usize) -> i32, PASSIVE_LEVEL, |kernel| {
        if process != CURRENT_PROCESS {
            kernel.violation("not simulated", "only views in the current process are simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        kernel.unmap_view_of_section(base).0
    }
    /// nf-ntifs-mmdoesfilehaveuserwritablereferences
    MmDoesFileHaveUserWritableReferences(pointers: usize) -> u32, APC_LEVEL, |kernel| {
        kernel.user_writable_references(pointers)
    }
}
