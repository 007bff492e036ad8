//! Reads and writes.

use super::{Opened, WriteOptions};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{Kind, Outcome, READ, WRITE},
    nt::{file_object as fo, flt_io_parameter_block as pb, get},
    objects::{FILE_WRITE_DATA, Handle},
};

/// Special values of ByteOffset (nf-ntifs-ntwritefile).
const FILE_WRITE_TO_END_OF_FILE: i64 = -1;
const FILE_USE_FILE_POINTER_POSITION: i64 = -2;

/// Where a write goes.
#[derive(Clone, Copy)]
enum Position {
    At(u64),
    End,
    /// Where the file pointer is.
    Current,
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
        self.write_at_current_position_with(handle, data, WriteOptions::default())
    }

    /// A write at the file pointer, asked for in some way.
    ///
    /// # Errors
    /// As [`Sim::write_at_current_position`], and the one that the options name.
    pub fn write_at_current_position_with(
        &self,
        handle: Handle,
        data: &[u8],
        options: WriteOptions,
    ) -> Result<usize, NtStatus> {
        let object = self.opened(handle)?.object;
        if !is_synchronous(object) {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let position = if options.position_in_request {
            Position::Current
        } else {
            Position::At(file_pointer(object))
        };
        self.write_at(handle, position, data, options)
    }

    /// The file pointer of a handle, which asynchronous ones leave at zero.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn file_pointer(&self, handle: Handle) -> Result<u64, NtStatus> {
        Ok(file_pointer(self.opened(handle)?.object))
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
            Position::End => FILE_WRITE_TO_END_OF_FILE,
            Position::Current => FILE_USE_FILE_POINTER_POSITION,
        };
        let through = options.write_through || has(file.object, fo::FO_WRITE_THROUGH);
        let flags = if through { pb::SL_WRITE_THROUGH } else { 0 };
        let parameters = Parameters::Write {
            offset,
            data,
            flags,
        };
        let irp = irp(&file, &options);
        let ask = |kind, act: &dyn Fn() -> Outcome| {
            self.dispatch_as(kind, WRITE, file.volume, file.object, parameters, act)
        };
        let act = || self.store(&file, position, data, &options);
        if !options.fast_io {
            return ask(irp, &act);
        }
        if !through && !has(file.object, fo::FO_NO_INTERMEDIATE_BUFFERING) {
            return ask(Kind::FastIo, &act);
        }
        // The file system does not do these as fast I/O (FsRtlCopyWrite).
        match ask(Kind::FastIo, &|| Err(NtStatus::FLT_DISALLOW_FAST_IO)) {
            Err(NtStatus::FLT_DISALLOW_FAST_IO) => ask(irp, &act),
            other => other,
        }
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
            Position::Current => file_pointer(file.object),
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
        if is_synchronous(file.object) && !options.paging {
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
        let parameters = Parameters::Read {
            offset,
            length: data.len() as u32,
            buffer: data.as_mut_ptr() as usize,
        };
        self.dispatch(READ, file.volume, file.object, parameters, || {
            let count = self.kernel.read(file.file, offset, data)?;
            if is_synchronous(file.object) {
                self.set_file_pointer(file.object, offset + count as u64);
            }
            Ok(count)
        })
    }
}

/// A write as an IRP, with the flags that the I/O manager sets.
fn irp(file: &Opened, options: &WriteOptions) -> Kind {
    let mut flags = pb::IRP_WRITE_OPERATION;
    if options.no_cache || options.paging || has(file.object, fo::FO_NO_INTERMEDIATE_BUFFERING) {
        flags |= pb::IRP_NOCACHE;
    }
    if options.paging {
        flags |= pb::IRP_PAGING_IO | pb::IRP_SYNCHRONOUS_PAGING_IO;
    }
    Kind::Irp { flags }
}

fn is_synchronous(object: usize) -> bool {
    has(object, fo::FO_SYNCHRONOUS_IO)
}

fn has(object: usize, flag: u32) -> bool {
    // SAFETY: a file object of ours.
    let flags: u32 = unsafe { get(object, fo::FLAGS) };
    flags & flag != 0
}

fn file_pointer(object: usize) -> u64 {
    // SAFETY: a file object of ours.
    unsafe { get(object, fo::CURRENT_BYTE_OFFSET) }
}
