//! Scratch memory with a token, to try the flush routines on.

use super::{process::in_system, status::NtStatus, view};
use alloc::vec::Vec;
use daxflush_engine::{LINE_SIZE, Run};
use daxflush_nvmem::{Error, FlushFlags, NvMemoryRange, NvToken, WriteFlags};

/// Memory of the driver's own, with a token.
pub struct Scratch {
    // Never grown: the token stands for its buffer.
    bytes: Vec<u8>,
    token: NvToken,
}

impl Scratch {
    /// `lines` lines of zeros. IRQL <= DISPATCH_LEVEL.
    pub fn new(lines: usize) -> Result<Self, NtStatus> {
        let length = lines.saturating_mul(LINE_SIZE as usize);
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(length)
            .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        bytes.resize(length, 0);
        // SAFETY: the buffer stays where it is until drop has freed the token.
        let token = unsafe { view::memory().get_token(bytes.as_ptr() as usize, length) };
        let token = token.map_err(|error| NtStatus::from_raw(error.to_ntstatus()))?;
        Ok(Self { bytes, token })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn token(&self) -> NvToken {
        self.token
    }

    /// Starts the write-back of runs, given as offsets in the memory.
    pub fn flush(&self, runs: &[Run]) -> Result<(), Error> {
        runs.iter()
            .try_for_each(|run| self.flush_by(self.token, run.offset, run.length))
    }

    /// As [`Self::flush`], of one range by any token.
    pub fn flush_by(&self, token: NvToken, offset: u64, length: u64) -> Result<(), Error> {
        let place = |bytes: u64| usize::try_from(bytes).map_err(|_| Error::InvalidParameter);
        let base = (self.bytes.as_ptr() as usize)
            .checked_add(place(offset)?)
            .ok_or(Error::InvalidParameter)?;
        let range = NvMemoryRange {
            base_address: base,
            length: place(length)?,
        };
        in_system(|| view::memory().flush_ranges(token, &[range], FlushFlags::NO_DRAIN))
    }

    /// Stores `data` at an offset.
    pub fn write(&mut self, offset: usize, data: &[u8], flags: WriteFlags) -> Result<(), Error> {
        let base = (self.bytes.as_mut_ptr() as usize)
            .checked_add(offset)
            .ok_or(Error::InvalidParameter)?;
        // SAFETY: nothing is stored outside of the token's region, our own memory, borrowed mutably.
        in_system(|| unsafe { view::memory().write(self.token, base, data, flags) })
    }

    /// Stores a value `count` times from an offset on.
    pub fn fill(
        &mut self,
        offset: usize,
        value: u8,
        count: usize,
        flags: WriteFlags,
    ) -> Result<(), Error> {
        let base = (self.bytes.as_mut_ptr() as usize)
            .checked_add(offset)
            .ok_or(Error::InvalidParameter)?;
        // SAFETY: as above.
        in_system(|| unsafe { view::memory().fill(self.token, base, count, value, flags) })
    }

    /// Frees the token before its time, and returns what it was.
    pub fn end_token(&mut self) -> NvToken {
        let token = self.token;
        let _ = view::memory().free_token(token);
        token
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Refused if it was freed before.
        let _ = view::memory().free_token(self.token);
    }
}
