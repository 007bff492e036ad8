//! What differs between the simulator and a Windows machine.

use daxflush_protocol::Ioctl;

/// Memory of this process that a program may store to.
///
/// # Safety
/// As long as the value lives, `bytes` bytes from `base` are mapped, readable and writable, and
/// nothing borrows them as Rust references. `base` and `bytes` are multiples of [`PAGE`](super::PAGE),
/// never change, and nobody else changes the pages' protection.
pub unsafe trait Mapping: Send + Sync {
    /// Address of the first byte.
    fn base(&self) -> usize;
    /// Length in bytes, up to the end of the last page.
    fn bytes(&self) -> usize;
}

/// What the control device is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceAccess {
    /// What every authenticated user may do (GENERIC_READ).
    Read,
    /// What administrators and SYSTEM may do, too (GENERIC_READ and GENERIC_WRITE).
    ReadWrite,
}

/// A system with daxflush.sys in it, as a program sees it.
///
/// # Safety
/// [`control`](Self::control) passes requests to daxflush.sys and returns its answers: memory that an
/// answer to [`Ioctl::CreateLog`] names is a dirty log of that length in this process, until
/// [`unmap_log`](Self::unmap_log).
pub unsafe trait Platform: Clone + Send + Sync {
    /// Whether views and dirty logs can be had: they need memory that is shared with the driver.
    const SHARES_MEMORY: bool = true;

    /// Its errors.
    type Error: std::error::Error + Send + Sync + 'static;
    /// A handle to a file or a device.
    type Handle;
    /// A view of a file.
    type View: Mapping;

    /// Opens the control device.
    ///
    /// # Errors
    /// It is not there, or may not be opened.
    fn open_device(&self, access: DeviceAccess) -> Result<Self::Handle, Self::Error>;

    /// DeviceIoControl; returns the bytes written to `output`.
    ///
    /// # Errors
    /// The driver's. `output` holds what there was room for if [`is_overflow`](Self::is_overflow).
    fn control(
        &self,
        device: &Self::Handle,
        code: Ioctl,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Self::Error>;

    /// Whether an error is STATUS_BUFFER_OVERFLOW (ERROR_MORE_DATA).
    fn is_overflow(error: &Self::Error) -> bool;

    /// Opens a file to read and write it, made if it is not there.
    ///
    /// # Errors
    /// The file system's.
    fn open_file(&self, path: &str) -> Result<Self::Handle, Self::Error>;

    /// Opens a file that is there, to read and write it.
    ///
    /// # Errors
    /// The file system's.
    fn open_existing(&self, path: &str) -> Result<Self::Handle, Self::Error>;

    /// What names a file in requests to the driver.
    fn raw(handle: &Self::Handle) -> u64;

    /// WriteFile of all of `data` at `offset`.
    ///
    /// # Errors
    /// The file system's.
    fn write(&self, file: &Self::Handle, offset: u64, data: &[u8]) -> Result<(), Self::Error>;

    /// ReadFile of all of `data` from `offset` on.
    ///
    /// # Errors
    /// The file system's; the file ends within the range.
    fn read(&self, file: &Self::Handle, offset: u64, data: &mut [u8]) -> Result<(), Self::Error>;

    /// SetEndOfFile, in bytes.
    ///
    /// # Errors
    /// The file system's.
    fn set_size(&self, file: &Self::Handle, size: u64) -> Result<(), Self::Error>;

    /// Maps `length` bytes from `offset`, writable. On Windows the offset is a multiple of 64 KiB.
    ///
    /// # Errors
    /// The file system's; the range is within the file.
    fn map(&self, file: &Self::Handle, offset: u64, length: u64)
    -> Result<Self::View, Self::Error>;

    /// UnmapViewOfFile.
    fn unmap(&self, view: Self::View);

    /// FlushFileBuffers.
    ///
    /// # Errors
    /// The driver's or the file system's.
    fn flush(&self, file: &Self::Handle) -> Result<(), Self::Error>;

    /// FlushViewOfFile of `length` bytes, `offset` bytes into the view.
    ///
    /// # Errors
    /// The driver's or the file system's.
    fn flush_view(&self, view: &Self::View, offset: u64, length: u64) -> Result<(), Self::Error>;

    /// The file is deleted when its last handle closes.
    ///
    /// # Errors
    /// The file system's.
    fn delete_on_close(&self, file: &Self::Handle) -> Result<(), Self::Error>;

    /// CloseHandle.
    ///
    /// # Errors
    /// The handle is not open.
    fn close(&self, handle: Self::Handle) -> Result<(), Self::Error>;

    /// Unmaps a dirty log's memory from this process.
    ///
    /// # Errors
    /// Nothing is mapped there.
    ///
    /// # Safety
    /// `address` is from an answer to [`Ioctl::CreateLog`], and nothing uses the memory any more.
    unsafe fn unmap_log(&self, address: u64) -> Result<(), Self::Error>;
}
