//! The simulated machine as a platform.

use super::{DeviceAccess, Mapping, PAGE, Platform};
use daxflush_protocol::{Ioctl, USER_PATH};
use ntsim::{Access, Disposition, Handle, MappedView, NtStatus, Sim};

/// A program's view of a simulated machine.
#[derive(Clone)]
pub struct Simulated(pub Sim);

// SAFETY: the simulator maps whole pages of its memory file, writable, until unmap_view consumes the
// view, and changes no protection.
unsafe impl Mapping for MappedView {
    fn base(&self) -> usize {
        MappedView::base(self)
    }

    fn bytes(&self) -> usize {
        self.len() / PAGE * PAGE
    }
}

// SAFETY: requests go to the driver that the simulator has loaded.
unsafe impl Platform for Simulated {
    type Error = NtStatus;
    type Handle = Handle;
    type View = MappedView;

    fn open_device(&self, access: DeviceAccess) -> Result<Handle, NtStatus> {
        const GENERIC_READ: u32 = 0x8000_0000;
        const GENERIC_WRITE: u32 = 0x4000_0000;
        let rights = match access {
            DeviceAccess::Read => GENERIC_READ,
            DeviceAccess::ReadWrite => GENERIC_READ | GENERIC_WRITE,
        };
        self.0.open_device_with(USER_PATH, rights)
    }

    fn is_overflow(error: &NtStatus) -> bool {
        *error == NtStatus::BUFFER_OVERFLOW
    }

    fn control(
        &self,
        device: &Handle,
        code: Ioctl,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, NtStatus> {
        self.0
            .device_io_control(*device, code.code(), input, output)
    }

    fn open_file(&self, path: &str) -> Result<Handle, NtStatus> {
        self.0
            .create_file(path, Access::ReadWrite, Disposition::OpenAlways)
    }

    fn open_existing(&self, path: &str) -> Result<Handle, NtStatus> {
        self.0
            .create_file(path, Access::ReadWrite, Disposition::OpenExisting)
    }

    fn raw(handle: &Handle) -> u64 {
        handle.as_raw()
    }

    fn write(&self, file: &Handle, offset: u64, data: &[u8]) -> Result<(), NtStatus> {
        self.0.write_file(*file, offset, data).map(|_| ())
    }

    fn read(&self, file: &Handle, offset: u64, data: &mut [u8]) -> Result<(), NtStatus> {
        let count = self.0.read_file(*file, offset, data)?;
        if count == data.len() {
            Ok(())
        } else {
            Err(NtStatus::END_OF_FILE)
        }
    }

    fn set_size(&self, file: &Handle, size: u64) -> Result<(), NtStatus> {
        self.0.set_end_of_file(*file, size)
    }

    fn map(&self, file: &Handle, offset: u64, length: u64) -> Result<MappedView, NtStatus> {
        self.0.map_view(*file, offset, length, true)
    }

    fn unmap(&self, view: MappedView) {
        self.0.unmap_view(view);
    }

    fn flush(&self, file: &Handle) -> Result<(), NtStatus> {
        self.0.flush_file_buffers(*file)
    }

    fn flush_view(&self, view: &MappedView, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.0.flush_view_of_file(view, offset, length)
    }

    fn delete_on_close(&self, file: &Handle) -> Result<(), NtStatus> {
        self.0.set_disposition(*file, true)
    }

    fn close(&self, handle: Handle) -> Result<(), NtStatus> {
        self.0.close_handle(handle)
    }

    unsafe fn unmap_log(&self, address: u64) -> Result<(), NtStatus> {
        self.0.unmap_shared(address)
    }
}
