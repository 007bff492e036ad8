//! The control device `\\.\DaxFlush`.

use super::{ClientError, Platform};
use daxflush_protocol::{
    CloseLogRequest, CommitReply, CommitRequest, FileRange, Ioctl, MAX_RANGES, MarkDirty,
    MarkDirtyHeader, PROTOCOL_VERSION, Statistics, VersionReply,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

/// An open handle to the control device; closed when dropped.
pub struct Device<P: Platform> {
    pub(super) platform: P,
    pub(super) handle: Option<P::Handle>,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> Device<P> {
    /// Opens the device.
    ///
    /// # Errors
    /// The driver is not loaded, or its protocol has another version.
    pub fn open(platform: P) -> Result<Self, P> {
        let handle = platform.open_device().map_err(ClientError::Platform)?;
        let device = Self {
            platform,
            handle: Some(handle),
        };
        let version: VersionReply = device.ask(Ioctl::Version, &[])?;
        if version.protocol != PROTOCOL_VERSION {
            return Err(ClientError::Protocol(version.protocol));
        }
        Ok(device)
    }

    /// Reports ranges of `file` that were stored to through a view; none of them empty.
    ///
    /// # Errors
    /// The driver's; a part of the ranges may be reported then.
    ///
    /// # Panics
    /// Never: requests are cut to what fits.
    pub fn mark_dirty(&self, file: &P::Handle, ranges: &[FileRange]) -> Result<(), P> {
        let most = ranges.len().min(MAX_RANGES);
        let mut buffer = vec![0; size_of::<MarkDirtyHeader>() + most * size_of::<FileRange>()];
        for ranges in ranges.chunks(MAX_RANGES) {
            let request = MarkDirty::encode(P::raw(file), ranges, &mut buffer);
            self.tell(
                Ioctl::MarkDirty,
                request.expect("a buffer for as many ranges"),
            )?;
        }
        Ok(())
    }

    /// Makes a range of a file durable; a length of 0 with an offset of 0 means all of it.
    ///
    /// # Errors
    /// The driver's; what was dirty stays so.
    pub fn commit(&self, file: &P::Handle, range: FileRange) -> Result<CommitReply, P> {
        let request = CommitRequest {
            file: P::raw(file),
            range,
        };
        self.ask(Ioctl::Commit, request.as_bytes())
    }

    /// The driver's counters since it was loaded.
    ///
    /// # Errors
    /// The driver's.
    pub fn statistics(&self) -> Result<Statistics, P> {
        self.ask(Ioctl::Statistics, &[])
    }

    pub(super) fn close_log(&self, log: u64) -> Result<(), P> {
        self.tell(Ioctl::CloseLog, CloseLogRequest { log }.as_bytes())
    }

    fn tell(&self, code: Ioctl, request: &[u8]) -> Result<(), P> {
        self.control(code, request, &mut []).map(|_| ())
    }

    /// A request with an answer of fixed size.
    pub(super) fn ask<T>(&self, code: Ioctl, request: &[u8]) -> Result<T, P>
    where
        T: FromZeros + FromBytes + IntoBytes,
    {
        let mut reply = T::new_zeroed();
        let count = self.control(code, request, reply.as_mut_bytes())?;
        if count < size_of::<T>() {
            return Err(ClientError::ShortAnswer(count));
        }
        Ok(reply)
    }

    fn control(&self, code: Ioctl, input: &[u8], output: &mut [u8]) -> Result<usize, P> {
        let Some(handle) = &self.handle else {
            return Err(ClientError::ShortAnswer(0));
        };
        let done = self.platform.control(handle, code, input, output);
        done.map_err(ClientError::Platform)
    }
}

impl<P: Platform> Drop for Device<P> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Nothing depends on it any more, and there is nobody to tell.
            let _ = self.platform.close(handle);
        }
    }
}
