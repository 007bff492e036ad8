//! Windows' calls.

use crate::client::{DeviceAccess, Mapping, PAGE, Platform};
use daxflush_protocol::{Ioctl, USER_PATH};
use std::{
    fs::{File, OpenOptions},
    io,
    os::windows::{
        fs::{FileExt, OpenOptionsExt},
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    ptr::{null, null_mut, with_exposed_provenance, with_exposed_provenance_mut},
};
use windows_sys::Win32::{
    Foundation::{ERROR_MORE_DATA, GENERIC_READ, GENERIC_WRITE},
    Storage::FileSystem::{
        DELETE, FILE_DISPOSITION_INFO, FileDispositionInfo, SetFileInformationByHandle,
    },
    System::{
        IO::DeviceIoControl,
        Memory::{
            CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, FlushViewOfFile,
            MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, PAGE_READWRITE, UnmapViewOfFile,
        },
    },
};

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Windows;

/// A view of a file, unmapped when dropped.
#[derive(Debug)]
pub struct FileView {
    base: usize,
    bytes: usize,
}

// SAFETY: mapped writable, in whole pages, until it is dropped; nobody else knows of it.
unsafe impl Mapping for FileView {
    fn base(&self) -> usize {
        self.base
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for FileView {
    fn drop(&mut self) {
        // SAFETY: mapped by us, and used through self only.
        unsafe { unmap(self.base) };
    }
}

/// # Safety
/// A view of this process begins at `base`, and nothing uses it any more.
unsafe fn unmap(base: usize) -> i32 {
    let view = MEMORY_MAPPED_VIEW_ADDRESS {
        Value: with_exposed_provenance_mut(base),
    };
    // SAFETY: the caller's promise.
    unsafe { UnmapViewOfFile(view) }
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn length_of(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

// SAFETY: requests go to the device that daxflush.sys makes, whose name only it has.
unsafe impl Platform for Windows {
    type Error = io::Error;
    type Handle = File;
    type View = FileView;

    fn open_device(&self, access: DeviceAccess) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(access == DeviceAccess::ReadWrite)
            .open(USER_PATH)
    }

    fn is_overflow(error: &io::Error) -> bool {
        error.raw_os_error() == Some(ERROR_MORE_DATA as i32)
    }

    fn control(
        &self,
        device: &File,
        code: Ioctl,
        input: &[u8],
        output: &mut [u8],
    ) -> io::Result<usize> {
        let (input_length, output_length) = (length_of(input)?, length_of(output)?);
        let mut count = 0;
        // SAFETY: an open handle that is not overlapped, and buffers of these lengths.
        let result = unsafe {
            DeviceIoControl(
                device.as_raw_handle(),
                code.code(),
                input.as_ptr().cast(),
                input_length,
                output.as_mut_ptr().cast(),
                output_length,
                &mut count,
                null_mut(),
            )
        };
        done(result).map(|()| count as usize)
    }

    fn open_file(&self, path: &str) -> io::Result<File> {
        OpenOptions::new()
            .access_mode(GENERIC_READ | GENERIC_WRITE | DELETE)
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    }

    fn open_existing(&self, path: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn raw(handle: &File) -> u64 {
        handle.as_raw_handle().addr() as u64
    }

    fn write(&self, file: &File, mut offset: u64, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let count = file.seek_write(data, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset += count as u64;
            data = &data[count..];
        }
        Ok(())
    }

    fn read(&self, file: &File, mut offset: u64, mut data: &mut [u8]) -> io::Result<()> {
        while !data.is_empty() {
            let count = file.seek_read(data, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            offset += count as u64;
            data = &mut data[count..];
        }
        Ok(())
    }

    fn set_size(&self, file: &File, size: u64) -> io::Result<()> {
        file.set_len(size)
    }

    fn map(&self, file: &File, offset: u64, length: u64) -> io::Result<FileView> {
        let bytes = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: an open handle; no name and no security attributes. The size is the file's.
        let section = unsafe {
            CreateFileMappingW(file.as_raw_handle(), null(), PAGE_READWRITE, 0, 0, null())
        };
        if section.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new handle, ours alone. The view keeps the section when the handle is closed.
        let section = unsafe { OwnedHandle::from_raw_handle(section) };
        let access = FILE_MAP_READ | FILE_MAP_WRITE;
        let (high, low) = ((offset >> 32) as u32, offset as u32);
        // SAFETY: an open section; the system checks the range.
        let view = unsafe { MapViewOfFile(section.as_raw_handle(), access, high, low, bytes) };
        if view.Value.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(FileView {
            base: view.Value.expose_provenance(),
            bytes: bytes.next_multiple_of(PAGE),
        })
    }

    fn unmap(&self, view: FileView) {
        drop(view);
    }

    fn flush(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn flush_view(&self, view: &FileView, offset: u64, length: u64) -> io::Result<()> {
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= view.bytes as u64);
        end.ok_or_else(outside)?;
        let first = with_exposed_provenance(view.base + offset as usize);
        // SAFETY: within the view.
        done(unsafe { FlushViewOfFile(first, length as usize) })
    }

    fn delete_on_close(&self, file: &File) -> io::Result<()> {
        let information = FILE_DISPOSITION_INFO { DeleteFile: true };
        // SAFETY: an open handle, and a structure of the class and size that are named.
        done(unsafe {
            SetFileInformationByHandle(
                file.as_raw_handle(),
                FileDispositionInfo,
                (&raw const information).cast(),
                size_of::<FILE_DISPOSITION_INFO>() as u32,
            )
        })
    }

    fn close(&self, handle: File) -> io::Result<()> {
        drop(handle);
        Ok(())
    }

    unsafe fn unmap_log(&self, address: u64) -> io::Result<()> {
        let base = usize::try_from(address).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the driver has mapped it, and the caller promises that nothing uses it.
        done(unsafe { unmap(base) })
    }
}
