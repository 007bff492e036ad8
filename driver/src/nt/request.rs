//! What a Filter Manager callback is told about an operation.

use super::{
    file::FileRef,
    flt::{FLT_CALLBACK_DATA, FLT_IO_PARAMETER_BLOCK, FLT_RELATED_OBJECTS},
    instance::Instance,
    status::NtStatus,
};
use wdk_sys::{PAGE_EXECUTE_READWRITE, PAGE_READWRITE};

/// File information classes that change what a file holds (ne-wdm-_file_information_class).
mod class {
    pub const DISPOSITION: i32 = 13;
    pub const ALLOCATION: i32 = 19;
    pub const END_OF_FILE: i32 = 20;
    pub const DISPOSITION_EX: i32 = 64;
}

const IRP_PAGING_IO: u32 = 0x2;
const FILE_DISPOSITION_DELETE: u32 = 0x1;

/// Where a write request puts its data.
#[derive(Clone, Copy)]
pub enum WritePosition {
    At(u64),
    /// Relative to the end of the file or to the file pointer, at the time of the write.
    Relative,
}

/// A change of a stream's size or life.
#[derive(Clone, Copy)]
pub enum Change {
    /// No byte at or beyond this offset remains.
    CutAt(u64),
    /// Deletion at the last close is requested (`true`) or withdrawn.
    DeletePending(bool),
}

/// One operation, during its pre- or post-operation callback.
pub struct Request<'a> {
    data: &'a FLT_CALLBACK_DATA,
    parameters: &'a FLT_IO_PARAMETER_BLOCK,
    related: &'a FLT_RELATED_OBJECTS,
}

impl<'a> Request<'a> {
    /// # Safety
    /// The pointers are those that the Filter Manager passed to a callback that lasts for `'a`.
    pub(in crate::nt) unsafe fn new(
        data: *const FLT_CALLBACK_DATA,
        related: *const FLT_RELATED_OBJECTS,
    ) -> Self {
        // SAFETY: valid for the callback, says the caller.
        let data = unsafe { &*data };
        // SAFETY: never null in a callback (ns-fltkernel-_flt_callback_data).
        let parameters = unsafe { &*data.Iopb };
        // SAFETY: valid for the callback, says the caller.
        let related = unsafe { &*related };
        Self {
            data,
            parameters,
            related,
        }
    }

    pub fn instance(&self) -> Instance<'a> {
        // SAFETY: the instance of a callback stays for the callback's time.
        unsafe { Instance::lent(self.related.Filter, self.related.Instance) }
    }

    /// The file object that the operation is on.
    pub fn file(&self) -> Option<FileRef<'a>> {
        // SAFETY: the file object of a callback is referenced for the callback's time.
        unsafe { FileRef::lent(self.related.FileObject) }
    }

    /// Paging I/O belongs to the file system's metadata streams on a DAX volume.
    pub fn is_paging(&self) -> bool {
        self.parameters.IrpFlags & IRP_PAGING_IO != 0
    }

    pub fn succeeded(&self) -> bool {
        NtStatus::from_raw(self.status()).is_success()
    }

    fn status(&self) -> i32 {
        // SAFETY: IoStatus is always written as a status, never as the union's pointer.
        unsafe { self.data.IoStatus.__bindgen_anon_1.Status }
    }

    /// Whether a create has opened the file itself, after the operation.
    pub fn opened(&self) -> bool {
        const STATUS_REPARSE: i32 = 0x104;
        self.succeeded() && self.status() != STATUS_REPARSE
    }

    /// Bytes transferred, after the operation.
    pub fn information(&self) -> u64 {
        self.data.IoStatus.Information
    }

    /// Requested length of an IRP_MJ_WRITE, in bytes.
    pub fn write_length(&self) -> u64 {
        // SAFETY: called for IRP_MJ_WRITE, whose parameters these are.
        u64::from(unsafe { self.parameters.Parameters.Write.Length })
    }

    /// Position of an IRP_MJ_WRITE.
    pub fn write_position(&self) -> WritePosition {
        // SAFETY: called for IRP_MJ_WRITE; every bit pattern is a valid QuadPart.
        let offset = unsafe { self.parameters.Parameters.Write.ByteOffset.QuadPart };
        u64::try_from(offset).map_or(WritePosition::Relative, WritePosition::At)
    }

    /// Whether an IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION is for a section that can be written.
    pub fn section_is_writable(&self) -> bool {
        // SAFETY: called for that operation, whose parameters these are.
        let parameters = unsafe { self.parameters.Parameters.AcquireForSectionSynchronization };
        let protection = parameters.PageProtection & 0xff;
        protection == PAGE_READWRITE || protection == PAGE_EXECUTE_READWRITE
    }

    /// What an IRP_MJ_SET_INFORMATION changes, if it matters to a stream's dirty lines.
    pub fn change(&self) -> Option<Change> {
        // SAFETY: called for IRP_MJ_SET_INFORMATION, whose parameters these are.
        let set = unsafe { self.parameters.Parameters.SetFileInformation };
        match set.FileInformationClass.0 {
            // SAFETY: the union's member for FileEndOfFileInformation.
            class::END_OF_FILE if unsafe { set.Detail.Flags.AdvanceOnly } != 0 => None,
            class::END_OF_FILE | class::ALLOCATION => {
                let size = self.information_buffer::<i64>(set.InfoBuffer, set.Length)?;
                u64::try_from(size).ok().map(Change::CutAt)
            }
            class::DISPOSITION => {
                let delete = self.information_buffer::<u8>(set.InfoBuffer, set.Length)?;
                Some(Change::DeletePending(delete != 0))
            }
            class::DISPOSITION_EX => {
                let flags = self.information_buffer::<u32>(set.InfoBuffer, set.Length)?;
                Some(Change::DeletePending(flags & FILE_DISPOSITION_DELETE != 0))
            }
            _ => None,
        }
    }

    /// Reads the start of a system buffer, which the I/O manager has captured already
    /// (flt-parameters-for-irp-mj-set-information).
    fn information_buffer<T: Copy>(
        &self,
        buffer: *const core::ffi::c_void,
        length: u32,
    ) -> Option<T> {
        let fits = usize::try_from(length).is_ok_and(|length| length >= size_of::<T>());
        // SAFETY: a kernel buffer of at least that length, and any bits are a valid integer.
        (fits && !buffer.is_null()).then(|| unsafe { buffer.cast::<T>().read_unaligned() })
    }

    /// The offset at which a relative write of `length` bytes has ended up, if that can be told.
    pub fn relative_write_offset(&self, length: u64) -> Option<u64> {
        let end = u64::try_from(self.file()?.current_byte_offset()?).ok()?;
        end.checked_sub(length)
    }
}
