//! A program's handle of the control device, with its requests.

use daxflush_protocol::{
    CloseLogRequest, CommitReply, CommitRequest, CreateLogRequest, DrainReply, FileRange, Ioctl,
    LogReply, MarkDirty, ReplyHeader, Statistics, StatisticsReply, StatisticsRequest, USER_PATH,
    commit_flag, reply_bytes, scope,
};
use ntsim::{Handle, NtStatus, Sim};
use zerocopy::{FromBytes, IntoBytes};

/// A program that has the control device open.
pub struct Client {
    pub(crate) sim: Sim,
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

    /// A device that somebody else has opened, and closes.
    pub fn over(sim: &Sim, device: Handle) -> Self {
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

    /// A request as it is: the status, and what came back.
    pub fn raw(&self, code: u32, input: &[u8], room: usize) -> (NtStatus, Vec<u8>) {
        let mut output = vec![0; room];
        let (status, count) = self
            .sim
            .device_io_control_raw(self.device, code, input, &mut output);
        output.truncate(count);
        (status, output)
    }

    /// A request with an answer of fixed size.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// The answer is not what its header says.
    pub fn ask<T: FromBytes>(&self, what: Ioctl, input: &[u8]) -> Result<T, NtStatus> {
        let answer = self.answer(what, input, reply_bytes::<T>())?;
        let (header, body) = ReplyHeader::read_from_prefix(&answer).expect("a header");
        assert_eq!(header.size as usize, answer.len(), "{what:?}");
        Ok(T::read_from_bytes(body).expect("the answer"))
    }

    /// A request that is answered with so many bytes at most.
    ///
    /// # Errors
    /// The driver's, warnings too.
    pub fn answer(&self, what: Ioctl, input: &[u8], room: usize) -> Result<Vec<u8>, NtStatus> {
        match self.raw(what.code(), input, room) {
            (NtStatus::SUCCESS, answer) => Ok(answer),
            (status, _) => Err(status),
        }
    }

    /// A request without an answer.
    ///
    /// # Errors
    /// The driver's.
    pub fn tell(&self, what: Ioctl, input: &[u8]) -> Result<(), NtStatus> {
        self.answer(what, input, 0).map(|_| ())
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
        self.tell(Ioctl::MarkDirty, request)
    }

    /// Commits a range; an empty one at 0 is the whole file. Returns the lines flushed.
    ///
    /// # Errors
    /// The driver's.
    pub fn commit(&self, file: Handle, range: FileRange) -> Result<u64, NtStatus> {
        self.commit_as(file, range, 0).map(|reply| reply.lines)
    }

    /// Begins a commit, which [`Self::drain`] ends. Returns the lines flushed.
    ///
    /// # Errors
    /// The driver's.
    pub fn begin(&self, file: Handle, range: FileRange) -> Result<u64, NtStatus> {
        let flags = commit_flag::NO_DRAIN;
        self.commit_as(file, range, flags).map(|reply| reply.lines)
    }

    /// A commit with flags, and all that is told of it.
    ///
    /// # Errors
    /// The driver's.
    pub fn commit_as(
        &self,
        file: Handle,
        range: FileRange,
        flags: u32,
    ) -> Result<CommitReply, NtStatus> {
        let request = CommitRequest {
            file: file.as_raw(),
            range,
            flags,
            reserved: 0,
        };
        self.ask(Ioctl::Commit, request.as_bytes())
    }

    /// Drains what was begun through this handle; returns of how many streams.
    ///
    /// # Errors
    /// The driver's.
    pub fn drain(&self) -> Result<u64, NtStatus> {
        let reply: DrainReply = self.ask(Ioctl::Drain, &[])?;
        Ok(reply.streams)
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
        self.ask(Ioctl::CreateLog, request.as_bytes())
    }

    /// Closes a dirty log.
    ///
    /// # Errors
    /// The driver's.
    pub fn close_log(&self, log: u64) -> Result<(), NtStatus> {
        let request = CloseLogRequest { log };
        self.tell(Ioctl::CloseLog, request.as_bytes())
    }

    /// The driver's counters.
    ///
    /// # Panics
    /// They cannot be had.
    pub fn statistics(&self) -> Statistics {
        let reply = self.statistics_of(scope::ALL, 0);
        reply.expect("statistics").counters
    }

    /// The counters and histograms of a volume, a file, or all.
    ///
    /// # Errors
    /// The driver's.
    pub fn statistics_of(&self, scope: u32, id: u64) -> Result<StatisticsReply, NtStatus> {
        let request = StatisticsRequest {
            scope,
            reserved: 0,
            id,
        };
        self.ask(Ioctl::Statistics, request.as_bytes())
    }
}
