//! What a Filter Manager callback is told about an operation.

use super::{
    file::FileRef,
    flt::{
        FLT_CALLBACK_DATA, FLT_FILE_SYSTEM_CONTROL, FLT_IO_PARAMETER_BLOCK, FLT_RELATED_OBJECTS,
        FltIsOperationSynchronous, PFLT_CALLBACK_DATA,
    },
    instance::Instance,
    minifilter, process,
    status::NtStatus,
};
use core::ptr;
use wdk_sys::{MDL, PAGE_EXECUTE_READWRITE, PAGE_READWRITE, PFILE_OBJECT};

/// File information classes that change what a file holds (ne-wdm-_file_information_class).
mod class {
    pub const RENAME: i32 = 10;
    pub const DISPOSITION: i32 = 13;
    pub const ALLOCATION: i32 = 19;
    pub const END_OF_FILE: i32 = 20;
    pub const DISPOSITION_EX: i32 = 64;
    pub const RENAME_EX: i32 = 65;
}

const IRP_PAGING_IO: u32 = 0x2;
/// IO_STACK_LOCATION.Flags of IRP_MJ_WRITE (irp-mj-write).
const SL_WRITE_THROUGH: u8 = 0x4;
const FILE_DISPOSITION_DELETE: u32 = 0x1;
/// Most MDLs of one request that are looked at.
const MAX_MDLS: usize = 1 << 16;

/// Where a write request puts its data.
#[derive(Clone, Copy)]
pub enum WritePosition {
    At(u64),
    /// Relative to the end of the file or to the file pointer, at the time of the write.
    Relative,
}

/// How a write request moves its data (irp-mj-write, minor function codes).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// From a buffer.
    Copy,
    /// IRP_MN_MDL: the caller is given the file's pages, and stores into them afterwards.
    PrepareMdl,
    /// IRP_MN_COMPLETE: the caller has stored into the pages it was given.
    CompleteMdl,
}

/// A change of a stream's size or life.
#[derive(Clone, Copy)]
pub enum Change {
    /// No byte at or beyond this offset remains.
    CutAt(u64),
    /// Deletion at the last close is requested (`true`) or withdrawn.
    DeletePending(bool),
    /// It is given another name.
    Renamed,
}

/// One operation, during its pre- or post-operation callback.
pub struct Request<'a> {
    data: &'a FLT_CALLBACK_DATA,
    parameters: &'a FLT_IO_PARAMETER_BLOCK,
    instance: Instance<'a>,
    file: PFILE_OBJECT,
    draining: bool,
}

impl<'a> Request<'a> {
    /// # Safety
    /// The pointers are those that the Filter Manager passed to a callback that lasts for `'a`.
    pub(in crate::nt) unsafe fn new(
        data: *const FLT_CALLBACK_DATA,
        related: *const FLT_RELATED_OBJECTS,
        draining: bool,
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
            // SAFETY: the instance of a callback stays for the callback's time.
            instance: unsafe { Instance::lent(related.Filter, related.Instance) },
            file: related.FileObject,
            draining,
        }
    }

    /// An operation whose completion is pended; nothing once the filter is being unloaded.
    ///
    /// # Safety
    /// The operation stays pended for `'a`.
    pub(in crate::nt) unsafe fn of_pended(data: *const FLT_CALLBACK_DATA) -> Option<Self> {
        let filter = minifilter::filter()?;
        // SAFETY: valid while pended, says the caller.
        let data = unsafe { &*data };
        // SAFETY: never null (ns-fltkernel-_flt_callback_data).
        let parameters = unsafe { &*data.Iopb };
        Some(Self {
            data,
            parameters,
            // SAFETY: a pended operation keeps its instance.
            instance: unsafe { Instance::lent(filter, parameters.TargetInstance) },
            file: parameters.TargetFileObject,
            draining: false,
        })
    }

    pub fn instance(&self) -> Instance<'a> {
        self.instance
    }

    /// The file object that the operation is on.
    pub fn file(&self) -> Option<FileRef<'a>> {
        // SAFETY: the file object of an operation is referenced until the operation has completed.
        unsafe { FileRef::lent(self.file) }
    }

    pub fn minor_function(&self) -> u8 {
        self.parameters.MinorFunction
    }

    /// Paging I/O belongs to the file system's metadata streams on a DAX volume.
    pub fn is_paging(&self) -> bool {
        self.parameters.IrpFlags & IRP_PAGING_IO != 0
    }

    /// Whether the caller waits for the operation (nf-fltkernel-fltisoperationsynchronous).
    pub fn is_synchronous(&self) -> bool {
        let data = ptr::from_ref(self.data).cast_mut();
        // SAFETY: the operation's own data, which is only read.
        unsafe { FltIsOperationSynchronous(data) != 0 }
    }

    /// Whether the instance is being torn down while the operation is still under way: its outcome
    /// is not known (nc-fltkernel-pflt_post_operation_callback).
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether the operation is known to have succeeded, after it.
    pub fn succeeded(&self) -> bool {
        !self.draining && NtStatus::from_raw(self.status()).is_success()
    }

    /// Whether the file system left a fast I/O for the IRP that follows it, and did nothing.
    pub fn is_left_to_irp(&self) -> bool {
        self.status() == NtStatus::FLT_DISALLOW_FAST_IO.raw()
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

    /// How an IRP_MJ_WRITE moves its data.
    pub fn write_kind(&self) -> WriteKind {
        const IRP_MN_MDL: u8 = 0x2;
        const IRP_MN_COMPLETE: u8 = 0x4;
        match self.minor_function() {
            minor if minor & IRP_MN_COMPLETE != 0 => WriteKind::CompleteMdl,
            minor if minor & IRP_MN_MDL != 0 => WriteKind::PrepareMdl,
            _ => WriteKind::Copy,
        }
    }

    /// Whether an IRP_MJ_WRITE must be durable when it completes.
    pub fn is_write_through(&self) -> bool {
        let requested = self.parameters.OperationFlags & SL_WRITE_THROUGH != 0;
        requested || self.file().is_some_and(FileRef::writes_through)
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

    /// Bytes of the pages that an IRP_MJ_WRITE with IRP_MN_COMPLETE gives back.
    pub fn write_mdl_length(&self) -> u64 {
        // SAFETY: called for IRP_MJ_WRITE before the file system frees the chain.
        unsafe { chain_length(self.parameters.Parameters.Write.MdlAddress.cast()) }
    }

    /// Offset and length of what an IRP_MJ_MDL_WRITE_COMPLETE gives back, before the operation.
    pub fn mdl_write(&self) -> (u64, u64) {
        // SAFETY: called for that operation, whose parameters these are.
        let complete = unsafe { self.parameters.Parameters.MdlWriteComplete };
        // SAFETY: every bit pattern is a valid QuadPart.
        let offset = unsafe { complete.FileOffset.QuadPart };
        // SAFETY: before the operation the chain is the caller's, and whole.
        let length = unsafe { chain_length(complete.MdlChain) };
        (u64::try_from(offset).unwrap_or(u64::MAX), length)
    }

    /// Whether an IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION is for a section that can be written.
    pub fn section_is_writable(&self) -> bool {
        // SAFETY: called for that operation, whose parameters these are.
        let parameters = unsafe { self.parameters.Parameters.AcquireForSectionSynchronization };
        let protection = parameters.PageProtection & 0xff;
        protection == PAGE_READWRITE || protection == PAGE_EXECUTE_READWRITE
    }

    /// Whether an IRP_MJ_FILE_SYSTEM_CONTROL has a control code, and does not mount or verify.
    pub fn is_fs_request(&self) -> bool {
        const IRP_MN_USER_FS_REQUEST: u8 = 0x0;
        const IRP_MN_KERNEL_CALL: u8 = 0x4;
        matches!(
            self.minor_function(),
            IRP_MN_USER_FS_REQUEST | IRP_MN_KERNEL_CALL
        )
    }

    /// The code of an IRP_MJ_FILE_SYSTEM_CONTROL.
    pub fn control_code(&self) -> u32 {
        self.control().FsControlCode.0
    }

    /// The input of an IRP_MJ_FILE_SYSTEM_CONTROL with METHOD_BUFFERED, before the operation; the
    /// file system answers in the same buffer.
    pub fn control_input(&self) -> &[u8] {
        let control = self.control();
        self.control_buffer(control, control.InputBufferLength.0)
    }

    /// The answer to an IRP_MJ_FILE_SYSTEM_CONTROL with METHOD_BUFFERED, after the operation.
    pub fn control_output(&self) -> &[u8] {
        let control = self.control();
        let length = u32::try_from(self.information()).unwrap_or(0);
        self.control_buffer(control, length.min(control.OutputBufferLength))
    }

    fn control(&self) -> FLT_FILE_SYSTEM_CONTROL {
        // SAFETY: called for that operation; the members begin alike for all methods.
        unsafe { self.parameters.Parameters.FileSystemControl }
    }

    fn control_buffer(&self, control: FLT_FILE_SYSTEM_CONTROL, length: u32) -> &[u8] {
        const METHOD_MASK: u32 = 3;
        let buffer = control.SystemBuffer.cast::<u8>();
        if buffer.is_null() || control.FsControlCode.0 & METHOD_MASK != 0 {
            return &[];
        }
        // SAFETY: METHOD_BUFFERED: a kernel buffer of at least input's and output's length, which
        // only the file system writes, between the callbacks.
        unsafe { core::slice::from_raw_parts(buffer, length as usize) }
    }

    /// Whether the caller's structures have 32-bit pointers. In the caller's context.
    pub fn is_of_32_bit_process(&self) -> bool {
        const KERNEL_MODE: i8 = 0;
        self.data.RequestorMode as i8 != KERNEL_MODE && process::is_32_bit()
    }

    pub(in crate::nt) fn callback_data(&self) -> PFLT_CALLBACK_DATA {
        (&raw const *self.data).cast_mut()
    }

    /// What an IRP_MJ_SET_INFORMATION changes, if it matters to a stream's dirty lines.
    pub fn change(&self) -> Option<Change> {
        // SAFETY: called for IRP_MJ_SET_INFORMATION, whose parameters these are.
        let set = unsafe { self.parameters.Parameters.SetFileInformation };
        match set.FileInformationClass.0 {
            // SAFETY: the union's member for FileEndOfFileInformation.
            class::END_OF_FILE if unsafe { set.Detail.Flags.AdvanceOnly } != 0 => None,
            class::END_OF_FILE | class::ALLOCATION => {
                let size = information_buffer::<i64>(set.InfoBuffer, set.Length)?;
                u64::try_from(size).ok().map(Change::CutAt)
            }
            class::DISPOSITION => {
                let delete = information_buffer::<u8>(set.InfoBuffer, set.Length)?;
                Some(Change::DeletePending(delete != 0))
            }
            class::DISPOSITION_EX => {
                let flags = information_buffer::<u32>(set.InfoBuffer, set.Length)?;
                Some(Change::DeletePending(flags & FILE_DISPOSITION_DELETE != 0))
            }
            class::RENAME | class::RENAME_EX => Some(Change::Renamed),
            _ => None,
        }
    }

    /// The offset at which a relative write of `length` bytes has ended up, if that can be told.
    pub fn relative_write_offset(&self, length: u64) -> Option<u64> {
        let end = u64::try_from(self.file()?.current_byte_offset()?).ok()?;
        end.checked_sub(length)
    }
}

/// Reads the start of a system buffer, which the I/O manager has captured already
/// (flt-parameters-for-irp-mj-set-information).
fn information_buffer<T: Copy>(buffer: *const core::ffi::c_void, length: u32) -> Option<T> {
    let fits = usize::try_from(length).is_ok_and(|length| length >= size_of::<T>());
    // SAFETY: a kernel buffer of at least that length, and any bits are a valid integer.
    (fits && !buffer.is_null()).then(|| unsafe { buffer.cast::<T>().read_unaligned() })
}

/// Bytes that a chain of MDLs describes; all there are if it is longer than any request's.
///
/// # Safety
/// `mdl` is null or the first MDL of a chain that nobody changes during the call.
unsafe fn chain_length(mut mdl: *const MDL) -> u64 {
    let mut length = 0_u64;
    for _ in 0..MAX_MDLS {
        // SAFETY: the caller's promise.
        let Some(this) = (unsafe { mdl.as_ref() }) else {
            return length;
        };
        length = length.saturating_add(u64::from(this.ByteCount));
        mdl = this.Next;
    }
    u64::MAX
}
