//! Routines of fltmgr.sys for names.

use super::{code, imports};
use crate::{
    NtStatus,
    nt::{get, put},
};

/// Writes a name to a UNICODE_STRING of the driver's, or says how long it is.
///
/// # Safety
/// Both are the driver's pointers, or null.
unsafe fn write_name(name: &str, string: usize, needed: *mut u32) -> Result<(), NtStatus> {
    if string == 0 && needed.is_null() {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let bytes = 2 * name.encode_utf16().count();
    if !needed.is_null() {
        // SAFETY: the caller's promise.
        unsafe { needed.write(bytes as u32) };
    }
    if string == 0 {
        return Err(NtStatus::BUFFER_TOO_SMALL);
    }
    // SAFETY: as above: MaximumLength and Buffer.
    let (room, buffer): (u16, usize) = unsafe { (get(string, 2), get(string, 8)) };
    if usize::from(room) < bytes {
        return Err(NtStatus::BUFFER_TOO_SMALL);
    }
    for (at, unit) in name.encode_utf16().enumerate() {
        // SAFETY: as above: the buffer is long enough.
        unsafe { put(buffer, 2 * at, unit) };
    }
    // SAFETY: as above: Length.
    unsafe { put(string, 0, bytes as u16) };
    Ok(())
}

imports! {
    /// nf-fltkernel-fltgetfilenameinformation
    FltGetFileNameInformation(data: usize, options: u32, information: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        if kernel.fails("FltGetFileNameInformation") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.name_of_operation(data, options).map(|name| {
            // SAFETY: the driver's out parameter.
            unsafe { information.write(name) };
        }))
    }
    /// nf-fltkernel-fltgetfilenameinformationunsafe
    FltGetFileNameInformationUnsafe(
        file: usize, instance: usize, options: u32, information: *mut usize
    ) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltGetFileNameInformationUnsafe") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.file_name(file, instance, options).map(|name| {
            // SAFETY: the driver's out parameter.
            unsafe { information.write(name) };
        }))
    }
    /// nf-fltkernel-fltreferencefilenameinformation
    FltReferenceFileNameInformation(information: usize) -> (), APC_LEVEL, |kernel| {
        kernel.reference_name(information);
    }
    /// nf-fltkernel-fltreleasefilenameinformation
    FltReleaseFileNameInformation(information: usize) -> (), APC_LEVEL, |kernel| {
        kernel.release_name(information);
    }
    /// nf-fltkernel-fltgetvolumefrominstance
    FltGetVolumeFromInstance(instance: usize, volume: *mut usize) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltGetVolumeFromInstance") {
            return NtStatus::FLT_DELETING_OBJECT.0;
        }
        code(kernel.volume_of_instance(instance).map(|found| {
            // SAFETY: the driver's out parameter.
            unsafe { volume.write(found) };
        }))
    }
    /// nf-fltkernel-fltgetvolumename
    FltGetVolumeName(volume: usize, string: usize, needed: *mut u32) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltGetVolumeName") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let name = kernel.volume_name(volume);
        // SAFETY: the driver's string and out parameter.
        code(name.and_then(|name| unsafe { write_name(&name, string, needed) }))
    }
    /// nf-fltkernel-fltgetvolumeguidname
    FltGetVolumeGuidName(volume: usize, string: usize, needed: *mut u32) -> i32,
        PASSIVE_LEVEL, |kernel| {
        if kernel.fails("FltGetVolumeGuidName") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let name = kernel.volume_guid_name(volume);
        // SAFETY: the driver's string and out parameter.
        code(name.and_then(|name| unsafe { write_name(&name, string, needed) }))
    }
}
