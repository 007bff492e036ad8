//! Removal of the persistent memory below a volume, and the end of the system
//! (IRP_MJ_PNP, IRP_MJ_SHUTDOWN).

use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{PNP, SHUTDOWN},
    filter::DeviceState,
    kernel::Kernel,
    thread,
};
use std::sync::{Arc, atomic::Ordering};

const QUERY_REMOVE_DEVICE: u8 = 0x01;
const REMOVE_DEVICE: u8 = 0x02;
const CANCEL_REMOVE_DEVICE: u8 = 0x03;
const SURPRISE_REMOVAL: u8 = 0x17;

impl Sim {
    /// IRP_MN_QUERY_REMOVE_DEVICE: may the device go? If so, nothing more can be opened.
    ///
    /// # Errors
    /// What the filter answered, and STATUS_ACCESS_DENIED while files are open; the removal is
    /// cancelled then (IRP_MN_CANCEL_REMOVE_DEVICE).
    pub fn query_remove(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        let asked = self.send_pnp(index, QUERY_REMOVE_DEVICE, || {
            self.kernel.lock_for_removal(index).map(|()| 0)
        });
        if asked.is_err() {
            self.cancel_remove(letter)?;
        }
        asked
    }

    /// IRP_MN_CANCEL_REMOVE_DEVICE: the device stays.
    ///
    /// # Errors
    /// STATUS_NO_SUCH_DEVICE.
    pub fn cancel_remove(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        let kernel = &self.kernel;
        let done = self.send_pnp(index, CANCEL_REMOVE_DEVICE, || {
            kernel.lock().volumes[index].remove_pending = false;
            Ok(0)
        });
        self.must_succeed(done, "IRP_MN_CANCEL_REMOVE_DEVICE");
        Ok(())
    }

    /// IRP_MN_REMOVE_DEVICE after a query that succeeded: the volume is dismounted and gone.
    ///
    /// # Errors
    /// STATUS_INVALID_DEVICE_STATE if there was no such query.
    pub fn remove(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        if !self.kernel.lock().volumes[index].remove_pending {
            return Err(NtStatus::INVALID_DEVICE_STATE);
        }
        let done = self.send_pnp(index, REMOVE_DEVICE, || Ok(0));
        self.must_succeed(done, "IRP_MN_REMOVE_DEVICE");
        self.device_goes(index);
        Ok(())
    }

    /// IRP_MN_SURPRISE_REMOVAL: the device is gone already. From the return of the pre-operation
    /// on, and in it, a flush of the volume's memory is a violation; operations fail with
    /// STATUS_DEVICE_DOES_NOT_EXIST; then the volume is dismounted.
    ///
    /// # Errors
    /// STATUS_NO_SUCH_DEVICE.
    pub fn surprise_remove(&self, letter: char) -> Result<(), NtStatus> {
        let index = self.volume_index(letter)?;
        let kernel = &self.kernel;
        let leaving = DeviceState::Leaving(std::thread::current().id());
        kernel.lock().volumes[index].device = leaving;
        kernel.removals.fetch_add(1, Ordering::SeqCst);
        let done = self.send_pnp(index, SURPRISE_REMOVAL, || {
            kernel.lock().volumes[index].device = DeviceState::Gone;
            Ok(0)
        });
        self.must_succeed(done, "IRP_MN_SURPRISE_REMOVAL");
        self.device_goes(index);
        Ok(())
    }

    /// IRP_MJ_SHUTDOWN to each volume. The system ends with it: no driver is unloaded.
    pub fn shutdown(&self) {
        let volumes = self.kernel.lock().volumes.len();
        for index in 0..volumes {
            // Nothing comes of a shutdown that a driver fails.
            let _ = self.dispatch(SHUTDOWN, index, 0, Parameters::None, || Ok(0));
        }
        self.kernel.lock().shut_down = true;
    }

    /// The PnP manager sends its requests in a system thread, at PASSIVE_LEVEL.
    fn send_pnp(
        &self,
        index: usize,
        minor: u8,
        act: impl FnOnce() -> Result<usize, NtStatus>,
    ) -> Result<(), NtStatus> {
        let parameters = Parameters::Pnp { minor };
        thread::in_process(thread::SYSTEM, || {
            self.dispatch(PNP, index, 0, parameters, act).map(|_| ())
        })
    }

    fn must_succeed(&self, done: Result<(), NtStatus>, request: &str) {
        if let Err(status) = done {
            let detail = format!("{request} was failed with {status}, and must not be");
            self.kernel.violation("PnP", &detail);
        }
    }

    fn device_goes(&self, index: usize) {
        self.kernel.lock().volumes[index].device = DeviceState::Gone;
        self.kernel.removals.fetch_add(1, Ordering::SeqCst);
        self.kernel.tear_down_for_dismount(index);
    }
}

impl Kernel {
    /// The file system's part of a query: it locks the volume unless something on it is open, once
    /// sections for data scan are out of the way.
    fn lock_for_removal(self: &Arc<Self>, index: usize) -> Result<(), NtStatus> {
        self.purge_volume(index);
        let mut state = self.lock();
        if state.file_objects.values().any(|file| file.volume == index) {
            return Err(NtStatus::ACCESS_DENIED);
        }
        state.volumes[index].remove_pending = true;
        Ok(())
    }

    /// Gets sections of a volume's files out of the way.
    pub fn purge_volume(self: &Arc<Self>, index: usize) {
        let files: Vec<u64> = {
            let state = self.lock();
            let files = state.files.iter();
            let here = files.filter(|(_, fcb)| fcb.volume == index);
            here.map(|(id, _)| *id).collect()
        };
        for file in files {
            // What could not be purged is seen as an open file object.
            let _ = self.purge_sections(file);
        }
    }

    /// Whether a flush of the device at an offset is one of memory that is not there any more.
    pub fn is_removed_memory(&self, offset: u64) -> bool {
        if self.removals.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let state = self.lock();
        let volume = self.volume_of_memory(&state, offset);
        let device = volume.map(|volume| state.volumes[volume].device);
        match device {
            Some(DeviceState::Leaving(thread)) => thread == std::thread::current().id(),
            Some(DeviceState::Gone) => true,
            Some(DeviceState::Present) | None => false,
        }
    }
}
