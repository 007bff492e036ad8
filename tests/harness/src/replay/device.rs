//! The control device, as a program uses it.

use daxflush_protocol::{FileRange, Ioctl, MAX_RANGES, MarkDirty, Statistics, USER_PATH};
use ntsim::{Handle, NtStatus, Sim};
use zerocopy::{FromZeros, IntoBytes};

/// An open handle to `\\.\DaxFlush`.
pub struct Device {
    sim: Sim,
    handle: Handle,
    buffer: Vec<u8>,
}

impl Device {
    /// Opens the device.
    pub fn open(sim: &Sim) -> Result<Self, NtStatus> {
        let handle = sim.open_device(USER_PATH)?;
        Ok(Self {
            sim: sim.clone(),
            handle,
            buffer: vec![0; 16 + 16 * MAX_RANGES],
        })
    }

    /// Reports stores through a view of `file`.
    pub fn mark_dirty(&mut self, file: Handle, ranges: &[FileRange]) -> Result<(), NtStatus> {
        for ranges in ranges.chunks(MAX_RANGES) {
            let request = MarkDirty::encode(file.as_raw(), ranges, &mut self.buffer);
            let request = request.ok_or(NtStatus::INVALID_PARAMETER)?;
            let code = Ioctl::MarkDirty.code();
            self.sim
                .device_io_control(self.handle, code, request, &mut [])?;
        }
        Ok(())
    }

    /// The driver's counters.
    pub fn statistics(&self) -> Result<Statistics, NtStatus> {
        let mut reply = Statistics::new_zeroed();
        let code = Ioctl::Statistics.code();
        self.sim
            .device_io_control(self.handle, code, &[], reply.as_mut_bytes())?;
        Ok(reply)
    }

    /// Closes the handle.
    pub fn close(self) -> Result<(), NtStatus> {
        self.sim.close_handle(self.handle)
    }
}
