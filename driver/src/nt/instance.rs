//! A filter instance: this filter on one volume.

use super::{
    file::FileRef,
    flt::{
        FLT_VOLUME_PROPERTIES, FltGetVolumeFromFileObject, FltGetVolumeInstanceFromName,
        FltGetVolumeProperties, FltIsDirectory, FltObjectDereference, FltQueryInformationFile,
        FltRegisterForDataScan, PFLT_FILTER, PFLT_INSTANCE, PFLT_VOLUME, VOL_PROP_FL_DAX_VOLUME,
    },
    minifilter,
    status::NtStatus,
};
use core::{hint::black_box, marker::PhantomData, mem::MaybeUninit, ptr};
use wdk_sys::FILE_STANDARD_INFORMATION;

/// An instance lent by a callback or a reference.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    pub(in crate::nt) filter: PFLT_FILTER,
    pub(in crate::nt) raw: PFLT_INSTANCE,
    lent: PhantomData<&'a ()>,
}

impl Instance<'_> {
    /// # Safety
    /// Both stay valid for the lifetime.
    pub(in crate::nt) unsafe fn lent(filter: PFLT_FILTER, raw: PFLT_INSTANCE) -> Self {
        Self {
            filter,
            raw,
            lent: PhantomData,
        }
    }

    /// Lets sections for data scan be created on this volume (nf-fltkernel-fltregisterfordatascan).
    pub fn register_for_data_scan(self) -> Result<(), NtStatus> {
        // SAFETY: a valid instance; IRQL PASSIVE_LEVEL in instance setup.
        NtStatus::check(unsafe { FltRegisterForDataScan(self.raw) })
    }

    /// Whether `file` is a directory (nf-fltkernel-fltisdirectory). IRQL <= APC_LEVEL.
    pub fn is_directory(self, file: FileRef<'_>) -> bool {
        let mut directory = 0;
        // SAFETY: a valid instance and an opened file object.
        let status = unsafe { FltIsDirectory(file.as_ptr(), self.raw, &raw mut directory) };
        status >= 0 && directory != 0
    }

    /// Whether nothing of a file is left when this handle, its last, is closed
    /// (nf-fltkernel-fltqueryinformationfile). IRQL PASSIVE_LEVEL, with APCs enabled.
    ///
    /// NumberOfLinks leaves out names that are to be deleted already; a name opened to be deleted
    /// when it is closed becomes one only then.
    pub fn is_going(self, file: FileRef<'_>) -> bool {
        self.standard_information(file).is_ok_and(|information| {
            let mut links = information.NumberOfLinks;
            if file.deletes_on_close() && information.DeletePending == 0 {
                links = links.saturating_sub(1);
            }
            links == 0
        })
    }

    /// A file's size in bytes (nf-fltkernel-fltqueryinformationfile). IRQL PASSIVE_LEVEL, with APCs
    /// enabled.
    pub fn size_of(self, file: FileRef<'_>) -> Result<u64, NtStatus> {
        let information = self.standard_information(file)?;
        // SAFETY: every bit pattern is a valid QuadPart.
        let size = unsafe { information.EndOfFile.QuadPart };
        u64::try_from(size).map_err(|_| NtStatus::END_OF_FILE)
    }

    fn standard_information(
        self,
        file: FileRef<'_>,
    ) -> Result<FILE_STANDARD_INFORMATION, NtStatus> {
        const FILE_STANDARD_INFORMATION_CLASS: i32 = 5;
        let mut information = FILE_STANDARD_INFORMATION::default();
        let size = size_of::<FILE_STANDARD_INFORMATION>() as u32;
        let mut returned = 0;
        // SAFETY: an open file, and a buffer of the size that is passed.
        let status = unsafe {
            FltQueryInformationFile(
                self.raw,
                file.as_ptr(),
                (&raw mut information).cast(),
                size,
                FILE_STANDARD_INFORMATION_CLASS,
                &raw mut returned,
            )
        };
        NtStatus::check(status).map(|()| information)
    }

    /// A handle to keep beside what is destroyed before the instance's teardown completes.
    pub fn kept(self) -> KeptInstance {
        KeptInstance {
            filter: self.filter,
            raw: self.raw,
        }
    }
}

/// An instance remembered by its own instance context, which cannot outlive it.
pub struct KeptInstance {
    filter: PFLT_FILTER,
    raw: PFLT_INSTANCE,
}

// SAFETY: instances may be named from any thread.
unsafe impl Send for KeptInstance {}
// SAFETY: as above.
unsafe impl Sync for KeptInstance {}

impl KeptInstance {
    pub fn lend(&self) -> Instance<'_> {
        // SAFETY: the owner is the instance's context.
        unsafe { Instance::lent(self.filter, self.raw) }
    }
}

/// A referenced instance, found for a file object.
pub struct InstanceReference {
    filter: PFLT_FILTER,
    raw: PFLT_INSTANCE,
}

impl InstanceReference {
    /// This filter's instance on the volume that holds `file`; NOT_SUPPORTED if it is no file of a
    /// volume. IRQL <= APC_LEVEL.
    pub fn of(file: FileRef<'_>) -> Result<Self, NtStatus> {
        let filter = minifilter::filter().ok_or(NtStatus::FLT_DELETING_OBJECT)?;
        let mut volume: PFLT_VOLUME = ptr::null_mut();
        // SAFETY: a registered filter and a referenced file object.
        let status = unsafe { FltGetVolumeFromFileObject(filter, file.as_ptr(), &raw mut volume) };
        NtStatus::check(status).map_err(|status| match status {
            // No matching volume was found.
            NtStatus::INVALID_PARAMETER => NtStatus::NOT_SUPPORTED,
            other => other,
        })?;
        let mut raw: PFLT_INSTANCE = ptr::null_mut();
        // SAFETY: the volume was just referenced; no name asks for the only instance.
        let status =
            unsafe { FltGetVolumeInstanceFromName(filter, volume, ptr::null(), &raw mut raw) };
        // SAFETY: gives back the reference taken above.
        unsafe { FltObjectDereference(volume.cast()) };
        NtStatus::check(status).map(|()| Self { filter, raw })
    }

    pub fn lend(&self) -> Instance<'_> {
        // SAFETY: referenced for as long as self.
        unsafe { Instance::lent(self.filter, self.raw) }
    }
}

impl Drop for InstanceReference {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that this value stands for.
        unsafe { FltObjectDereference(self.raw.cast()) };
        // The Filter Manager's verifier takes a release in tail position for a leak.
        black_box(&self.raw);
    }
}

/// Whether a volume is direct access (nf-fltkernel-fltgetvolumeproperties).
///
/// # Safety
/// `volume` is valid for the call. IRQL <= APC_LEVEL.
pub(in crate::nt) unsafe fn is_dax(volume: PFLT_VOLUME) -> bool {
    let mut properties = MaybeUninit::<FLT_VOLUME_PROPERTIES>::zeroed();
    let size = size_of::<FLT_VOLUME_PROPERTIES>() as u32;
    let mut returned = 0;
    // SAFETY: the buffer has the size that is passed.
    let status =
        unsafe { FltGetVolumeProperties(volume, properties.as_mut_ptr(), size, &raw mut returned) };
    // The names behind the structure may not fit (STATUS_BUFFER_OVERFLOW); the flags always do.
    const STATUS_BUFFER_OVERFLOW: i32 = 0x8000_0005_u32.cast_signed();
    let filled = status >= 0 || status == STATUS_BUFFER_OVERFLOW;
    // SAFETY: zeroed memory is a valid structure of integers and pointers.
    let flags = unsafe { properties.assume_init_ref() }.Flags;
    filled && flags & VOL_PROP_FL_DAX_VOLUME != 0
}
