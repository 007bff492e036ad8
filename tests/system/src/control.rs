//! A program's handle of the control device, with its requests.

use daxflush_protocol::{
    CloseLogRequest, CommitReply, CommitRequest, CreateLogRequest, FileRange, Ioctl, LogReply,
    MarkDirty, Statistics, USER_PATH,
};
use ntsim::{Handle, NtStatus, Sim};
use zerocopy::{FromZeros, IntoBytes};

/// A program that has the control device open.
pub struct Client {
    sim: Sim,
    /// The handle.
    pub device: Handle,
}

impl Client {
    /// Opens the device.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open(sim: &Sim) -> Self {
        let device = sim.open_device(USER_PATH).expect("the device");
        let sim = sim.clone();
        Self { sim, device }
    }

    /// Closes the device.
    ///
    /// # Panics
    /// It is not open.
    pub fn close(self) {
        self.sim.close_handle(self.device).expect("close");
    }

    fn ask(&self, what: Ioctl, input: &[u8], output: &mut [u8]) -> Result<usize, NtStatus> {
        self.sim
            .device_io_control(self.device, what.code(), input, output)
    }

    /// Reports stores.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// More ranges than a request can carry.
    pub fn mark(&self, file: Handle, ranges: &[FileRange]) -> Result<(), NtStatus> {
        let mut buffer = vec![0; 16 + 16 * ranges.len()];
        let request = MarkDirty::encode(file.as_raw(), ranges, &mut buffer).expect("a request");
        self.ask(Ioctl::MarkDirty, request, &mut []).map(|_| ())
    }

    /// Commits a range; an empty one at 0 is the whole file. Returns the lines flushed.
    ///
    /// # Errors
    /// The driver's.
    pub fn commit(&self, file: Handle, range: FileRange) -> Result<u64, NtStatus> {
        let file = file.as_raw();
        let request = CommitRequest { file, range };
        let mut reply = CommitReply::new_zeroed();
        self.ask(Ioctl::Commit, request.as_bytes(), reply.as_mut_bytes())?;
        Ok(reply.lines)
    }

    /// Makes a dirty log.
    ///
    /// # Errors
    /// The driver's.
    pub fn create_log(&self, file: Handle, entries: u32) -> Result<LogReply, NtStatus> {
        let request = CreateLogRequest {
            file: file.as_raw(),
            entries,
            reserved: 0,
        };
        let mut reply = LogReply::new_zeroed();
        self.ask(Ioctl::CreateLog, request.as_bytes(), reply.as_mut_bytes())?;
        Ok(reply)
    }

    /// Closes a dirty log.
    ///
    /// # Errors
    /// The driver's.
    pub fn close_log(&self, log: u64) -> Result<(), NtStatus> {
        let request = CloseLogRequest { log };
        self.ask(Ioctl::CloseLog, request.as_bytes(), &mut [])
            .map(|_| ())
    }

    /// The driver's counters.
    ///
    /// # Panics
    /// They cannot be had.
    pub fn statistics(&self) -> Statistics {
        let mut reply = Statistics::new_zeroed();
        let told = self.ask(Ioctl::Statistics, &[], reply.as_mut_bytes());
        assert_eq!(told, Ok(size_of::<Statistics>()));
        reply
    }
}
