//! A simulated machine over a socket as a platform.

use super::{DeviceAccess, Mapping, Platform};
use crate::remote::{Connection, RemoteError, Request};
use daxflush_protocol::{Ioctl, MAX_WRITE};
use std::convert::Infallible;

/// A simulated machine of another process. Nothing can be mapped through it.
#[derive(Clone, Debug)]
pub struct Remote(pub Connection);

/// A handle that the machine holds for this connection.
#[derive(Debug, PartialEq, Eq)]
pub struct RemoteHandle(u64);

/// There are no views over a socket.
pub struct NoView(Infallible);

// SAFETY: there is no value of it.
unsafe impl Mapping for NoView {
    fn base(&self) -> usize {
        match self.0 {}
    }

    fn bytes(&self) -> usize {
        match self.0 {}
    }
}

// SAFETY: requests that map memory are refused, so no answer names any.
unsafe impl Platform for Remote {
    type Error = RemoteError;
    type Handle = RemoteHandle;
    type View = NoView;

    const SHARES_MEMORY: bool = false;

    fn open_device(&self, access: DeviceAccess) -> Result<RemoteHandle, RemoteError> {
        let write = access == DeviceAccess::ReadWrite;
        let handle = self.0.open_handle(&Request::OpenDevice { write });
        handle.map(RemoteHandle)
    }

    fn control(
        &self,
        device: &RemoteHandle,
        code: Ioctl,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, RemoteError> {
        if matches!(code, Ioctl::CreateLog | Ioctl::AttachLog) {
            return Err(RemoteError::Impossible("a dirty log"));
        }
        let room = u32::try_from(output.len());
        let answer = self.0.control(&Request::Control {
            device: device.0,
            code: code.code(),
            input: input.to_vec(),
            room: room.unwrap_or(u32::MAX),
        })?;
        let place = output.get_mut(..answer.output.len());
        let place = place.ok_or(RemoteError::Answer)?;
        place.copy_from_slice(&answer.output);
        if answer.overflow {
            return Err(RemoteError::Status(ntsim::NtStatus::BUFFER_OVERFLOW.0));
        }
        Ok(answer.output.len())
    }

    fn is_overflow(error: &RemoteError) -> bool {
        matches!(error, RemoteError::Status(status) if *status == ntsim::NtStatus::BUFFER_OVERFLOW.0)
    }

    fn open_file(&self, path: &str) -> Result<RemoteHandle, RemoteError> {
        let (path, create) = (path.to_owned(), true);
        let handle = self.0.open_handle(&Request::OpenFile { path, create });
        handle.map(RemoteHandle)
    }

    fn open_existing(&self, path: &str) -> Result<RemoteHandle, RemoteError> {
        let (path, create) = (path.to_owned(), false);
        let handle = self.0.open_handle(&Request::OpenFile { path, create });
        handle.map(RemoteHandle)
    }

    fn raw(handle: &RemoteHandle) -> u64 {
        handle.0
    }

    fn write(&self, file: &RemoteHandle, offset: u64, data: &[u8]) -> Result<(), RemoteError> {
        let mut offset = offset;
        for data in data.chunks(MAX_WRITE) {
            self.0.tell(&Request::Write {
                file: file.0,
                offset,
                data: data.to_vec(),
            })?;
            offset = offset.wrapping_add(data.len() as u64);
        }
        Ok(())
    }

    fn read(&self, file: &RemoteHandle, offset: u64, data: &mut [u8]) -> Result<(), RemoteError> {
        let mut offset = offset;
        for data in data.chunks_mut(MAX_WRITE) {
            let length = u32::try_from(data.len()).map_err(|_| RemoteError::Answer)?;
            let answer = self.0.control(&Request::Read {
                file: file.0,
                offset,
                length,
            })?;
            if answer.output.len() != data.len() {
                return Err(RemoteError::Answer);
            }
            data.copy_from_slice(&answer.output);
            offset = offset.wrapping_add(data.len() as u64);
        }
        Ok(())
    }

    fn set_size(&self, file: &RemoteHandle, size: u64) -> Result<(), RemoteError> {
        let file = file.0;
        self.0.tell(&Request::SetSize { file, size })
    }

    fn map(&self, _: &RemoteHandle, _: u64, _: u64) -> Result<NoView, RemoteError> {
        Err(RemoteError::Impossible("a mapped view"))
    }

    fn unmap(&self, view: NoView) {
        match view.0 {}
    }

    fn flush(&self, file: &RemoteHandle) -> Result<(), RemoteError> {
        self.0.tell(&Request::Flush { file: file.0 })
    }

    fn flush_view(&self, view: &NoView, _: u64, _: u64) -> Result<(), RemoteError> {
        match view.0 {}
    }

    fn delete_on_close(&self, file: &RemoteHandle) -> Result<(), RemoteError> {
        self.0.tell(&Request::DeleteOnClose { file: file.0 })
    }

    fn close(&self, handle: RemoteHandle) -> Result<(), RemoteError> {
        let handle = handle.0;
        self.0.tell(&Request::Close { handle })
    }

    unsafe fn unmap_log(&self, _: u64) -> Result<(), RemoteError> {
        Err(RemoteError::Impossible("a dirty log"))
    }
}
