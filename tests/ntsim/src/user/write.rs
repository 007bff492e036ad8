//! Reads and writes.

use super::{Opened, WriteOptions};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{Kind, Outcome, READ, WRITE},
    nt::{file_object, flt_io_parameter_block as pb, get},
    objects::{FILE_WRITE_DATA, Handle},
};

/// FILE_WRITE_TO_END_OF_FILE (nf-ntifs-ntwritefile).
const END_OF_FILE: i64 = -1;

/// Where a write goes.
#[derive(Clone, Copy)]
enum Position {
    At(u64),
    End,
}

impl Sim {
    /// WriteFile at an offset.
    ///
    /// # Errors
    /// As WriteFile's, as NTSTATUS.
    pub fn write_file(&self, handle: Handle, offset: u64, data: &[u8]) -> Result<usize, NtStatus> {
        self.write_file_with(handle, offset, data, WriteOptions::default())
    }

    /// A write at an offset, asked for in some way.
    ///
    /// # Errors
    /// As WriteFile's, and the one that the options name.
    pub fn write_file_with(
        &self,
        handle: Handle,
        offset: u64,
        data: &[u8],
        options: WriteOptions,
    ) -> Result<usize, NtStatus> {
        self.write_at(handle, Position::At(offset), data, options)
    }

    /// WriteFile at the end of the file (an offset of -1).
    ///
    /// # Errors
    /// As WriteFile's, as NTSTATUS.
    pub fn append_file(&self, handle: Handle, data: &[u8]) -> Result<usize, NtStatus> {
        self.append_file_with(handle, data, WriteOptions::default())
    }

    /// A write at the end of the file, asked for in some way.
    ///
    /// # Errors
    /// As WriteFile's, and the one that the options name.
    pub fn append_file_with(
        &self,
        handle: Handle,
        data: &[u8],
        options: WriteOptions,
    ) -> Result<usize, NtStatus> {
        self.write_at(handle, Position::End, data, options)
    }

    /// WriteFile at the file pointer (no offset): the I/O manager puts the file object's
    /// CurrentByteOffset into the request.
    ///
    /// # Errors
    /// STATUS_INVALID_PARAMETER if the handle is asynchronous; as WriteFile's.
    pub fn write_at_current_position(
        &self,
        handle: Handle,
        data: &[u8],
    ) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        if !is_synchronous(file.object) {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        // SAFETY: a file object of ours.
        let offset: u64 = unsafe { get(file.object, file_object::CURRENT_BYTE_OFFSET) };
        self.write_file(handle, offset, data)
    }

    fn write_at(
        &self,
        handle: Handle,
        position: Position,
        data: &[u8],
        options: WriteOptions,
    ) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        if file.access & FILE_WRITE_DATA == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let offset = match position {
            Position::At(offset) => {
                i64::try_from(offset).map_err(|_| NtStatus::INVALID_PARAMETER)?
            }
            Position::End => END_OF_FILE,
        };
        let parameters = Parameters::Write {
            offset,
            data,
            through: options.write_through,
        };
        let kind = kind(&file, &options);
        let act = || self.store(&file, position, data, &options);
        self.dispatch_as(kind, WRITE, file.volume, file.object, parameters, act)
    }

    /// The file system's part of a write.
    fn store(
        &self,
        file: &Opened,
        position: Position,
        data: &[u8],
        options: &WriteOptions,
    ) -> Outcome {
        let offset = match position {
            Position::At(offset) => offset,
            Position::End => self.kernel.lock().fcb(file.file)?.size,
        };
        let stored = match (options.fail, options.short) {
            (Some((count, _)), _) | (None, Some(count)) => &data[..count.min(data.len())],
            (None, None) => data,
        };
        let count = if options.paging {
            self.kernel.write_through_stack(file.file, offset, stored)?
        } else {
            self.kernel.write(file.file, offset, stored)?
        };
        if let Some((_, status)) = options.fail {
            return Err(status);
        }
        if is_synchronous(file.object) {
            self.set_file_pointer(file.object, offset + count as u64);
        }
        Ok(count)
    }

    /// ReadFile at an offset.
    ///
    /// # Errors
    /// STATUS_END_OF_FILE, and as ReadFile's.
    pub fn read_file(
        &self,
        handle: Handle,
        offset: u64,
        data: &mut [u8],
    ) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        self.dispatch(READ, file.volume, file.object, Parameters::None, || {
            self.kernel.read(file.file, offset, data)
        })
    }
}

fn kind(file: &Opened, options: &WriteOptions) -> Kind {
    if options.fast_io {
        return Kind::FastIo;
    }
    // SAFETY: a file object of ours.
    let flags: u32 = unsafe { get(file.object, file_object::FLAGS) };
    let unbuffered = flags & file_object::FO_NO_INTERMEDIATE_BUFFERING != 0;
    let mut irp = 0;
    if options.no_cache || unbuffered || options.paging {
        irp |= pb::IRP_NOCACHE;
    }
    if options.paging {
        irp |= pb::IRP_PAGING_IO | pb::IRP_SYNCHRONOUS_PAGING_IO;
    }
    Kind::Irp { flags: irp }
}

fn is_synchronous(file: usize) -> bool {
    // SAFETY: a file object of ours.
    let flags: u32 = unsafe { get(file, file_object::FLAGS) };
    flags & file_object::FO_SYNCHRONOUS_IO != 0
}
