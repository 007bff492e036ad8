//! A commit's backing as the driver's: runs become ranges of memory, which a token's guard flushes.

use crate::memory::{LINE, Memory};
use daxflush_engine::{BATCH, Backing, Run};
use daxflush_nvmem::{Error, FlushFlags, NvMemory, NvMemoryRange, TokenGuard};

/// Memory with a token in use.
pub struct Region<'a> {
    memory: &'a Memory,
    guard: TokenGuard<'a>,
}

impl<'a> Region<'a> {
    pub fn new<const SLOTS: usize>(
        memory: &'a Memory,
        nv: &'a NvMemory<SLOTS>,
    ) -> Result<Self, Error> {
        // SAFETY: the memory outlives the guard, and nobody else ever has the token.
        let token = unsafe { nv.get_token(memory.base(), memory.size()) }?;
        let guard = nv.acquire(token)?;
        Ok(Self { memory, guard })
    }

    pub fn backing(&self) -> Flusher<'_> {
        Flusher {
            guard: &self.guard,
            base: self.memory.base(),
            ranges: [NvMemoryRange::default(); BATCH],
            lines: 0,
            drains: 0,
        }
    }

    /// Flushes a range and does not wait.
    pub fn flush(&self, offset: u64, length: u64) {
        let place = self.memory.base() + offset as usize;
        let flushed = self
            .guard
            .flush(place, length as usize, FlushFlags::NO_DRAIN);
        assert!(flushed.is_ok(), "{offset}, {length}: {flushed:?}");
    }

    pub fn drain(&self) {
        self.guard.drain();
    }
}

/// One commit's, or several's.
pub struct Flusher<'a> {
    guard: &'a TokenGuard<'a>,
    base: usize,
    ranges: [NvMemoryRange; BATCH],
    pub lines: u64,
    pub drains: u64,
}

impl Backing for Flusher<'_> {
    type Error = Error;

    fn flush(&mut self, runs: &[Run]) -> Result<(), Error> {
        for (range, run) in self.ranges.iter_mut().zip(runs) {
            *range = NvMemoryRange::new(self.base + run.offset as usize, run.length as usize);
            self.lines += run.length / LINE as u64;
        }
        let ranges = &self.ranges[..runs.len()];
        self.guard.flush_ranges(ranges, FlushFlags::NO_DRAIN)
    }

    fn drain(&mut self) -> Result<(), Error> {
        self.drains += 1;
        self.guard.drain();
        Ok(())
    }
}
