//! What the file system and the Filter Manager call files and volumes.

use super::{
    file::FileRef,
    flt::{
        FLT_FILE_NAME_INFORMATION, FltGetFileNameInformation, FltGetFileNameInformationUnsafe,
        FltGetVolumeFromInstance, FltGetVolumeName, FltObjectDereference,
        FltReleaseFileNameInformation, PFLT_VOLUME,
    },
    instance::Instance,
    request::Request,
    status::NtStatus,
};
use alloc::vec::Vec;
use core::{hint::black_box, ptr};
use wdk_sys::UNICODE_STRING;

const FLT_FILE_NAME_OPENED: u32 = 0x2;
const FLT_FILE_NAME_QUERY_DEFAULT: u32 = 0x100;
const OPTIONS: u32 = FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT;

/// Characters of a volume's name; its device is `\Device\HarddiskVolumeN` or the like.
const MAX_VOLUME_NAME: usize = 128;

/// The name of a file, as it was opened: `\Device\HarddiskVolume3\folder\file:stream`.
pub struct FileName {
    units: Vec<u16>,
}

impl FileName {
    /// In the post-operation of a create. IRQL <= APC_LEVEL
    /// (nf-fltkernel-fltgetfilenameinformation).
    pub fn of_request(request: &Request<'_>) -> Result<Self, NtStatus> {
        let mut information = ptr::null_mut();
        // SAFETY: the callback data of an operation under way.
        let status = unsafe {
            FltGetFileNameInformation(request.callback_data(), OPTIONS, &raw mut information)
        };
        NtStatus::check(status)?;
        // SAFETY: just returned.
        unsafe { Self::take(information) }
    }

    /// Outside of an I/O operation on the file, with no file system resources held. IRQL <= APC_LEVEL
    /// (nf-fltkernel-fltgetfilenameinformationunsafe).
    pub fn of(instance: Instance<'_>, file: FileRef<'_>) -> Result<Self, NtStatus> {
        let mut information = ptr::null_mut();
        // SAFETY: an open file object and a valid instance.
        let status = unsafe {
            FltGetFileNameInformationUnsafe(
                file.as_ptr(),
                instance.raw,
                OPTIONS,
                &raw mut information,
            )
        };
        NtStatus::check(status)?;
        // SAFETY: just returned.
        unsafe { Self::take(information) }
    }

    pub fn units(&self) -> &[u16] {
        &self.units
    }

    /// # Safety
    /// `information` was returned by the Filter Manager and is given back here.
    unsafe fn take(information: *mut FLT_FILE_NAME_INFORMATION) -> Result<Self, NtStatus> {
        // SAFETY: the caller's promise.
        let copied = unsafe { copy(&(*information).Name) };
        // SAFETY: given back once.
        unsafe { FltReleaseFileNameInformation(information) };
        // The Filter Manager's verifier takes a release in tail position for a leak.
        black_box(&copied);
        copied.map(|units| Self { units })
    }
}

/// # Safety
/// The string's buffer has as many bytes as it says.
unsafe fn copy(name: &UNICODE_STRING) -> Result<Vec<u16>, NtStatus> {
    let count = usize::from(name.Length) / 2;
    let mut units = Vec::new();
    units
        .try_reserve_exact(count)
        .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
    if !name.Buffer.is_null() {
        // SAFETY: the caller's promise.
        units.extend_from_slice(unsafe { core::slice::from_raw_parts(name.Buffer, count) });
    }
    Ok(units)
}

/// The name of a volume's device.
pub struct VolumeName {
    units: [u16; MAX_VOLUME_NAME],
    count: usize,
}

impl VolumeName {
    /// IRQL <= APC_LEVEL (nf-fltkernel-fltgetvolumename).
    pub fn of(instance: Instance<'_>) -> Result<Self, NtStatus> {
        let mut volume: PFLT_VOLUME = ptr::null_mut();
        // SAFETY: a valid instance.
        NtStatus::check(unsafe { FltGetVolumeFromInstance(instance.raw, &raw mut volume) })?;
        let mut name = Self {
            units: [0; MAX_VOLUME_NAME],
            count: 0,
        };
        let mut string = UNICODE_STRING {
            Length: 0,
            MaximumLength: size_of_val(&name.units) as u16,
            Buffer: name.units.as_mut_ptr(),
        };
        // SAFETY: the volume was just referenced; the buffer is as long as the string says.
        let status = unsafe { FltGetVolumeName(volume, &raw mut string, ptr::null_mut()) };
        // SAFETY: gives back the reference taken above.
        unsafe { FltObjectDereference(volume.cast()) };
        NtStatus::check(status)?;
        name.count = usize::from(string.Length) / 2;
        Ok(name)
    }

    pub fn units(&self) -> &[u16] {
        self.units.get(..self.count).unwrap_or_default()
    }
}
