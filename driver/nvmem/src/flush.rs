//! `RtlFlushNonVolatileMemory`, `RtlFlushNonVolatileMemoryRanges`, `RtlDrainNonVolatileFlush`.

use crate::{
    Error, FlushFlags, NvMemory, NvMemoryRange, NvToken,
    arch::{self, Arch, Native},
};

impl<const SLOTS: usize> NvMemory<SLOTS> {
    /// Flushes one range (nf-ntddk-rtlflushnonvolatilememory); see [`NvMemory::flush_ranges`].
    ///
    /// # Errors
    /// As [`NvMemory::flush_ranges`].
    pub fn flush(
        &self,
        token: NvToken,
        base: usize,
        size: usize,
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.flush_ranges(token, &[NvMemoryRange::new(base, size)], flags)
    }

    /// Flushes every cache line that overlaps a range, then drains once unless told not to
    /// (nf-ntddk-rtlflushnonvolatilememoryranges). Ranges may be in any order and may overlap.
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed, if the token is not valid or is the default
    /// token, a flag is unknown, or a range does not lie wholly inside the token's region;
    /// `InsufficientResources` as for [`NvMemory::acquire`].
    pub fn flush_ranges(
        &self,
        token: NvToken,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.flush_ranges_on(&Native, token, ranges, flags)
    }

    /// Waits for the flushes that this processor began without a drain
    /// (nf-ntddk-rtldrainnonvolatileflush). The default token is allowed.
    ///
    /// # Errors
    /// `InvalidParameter` if the token is not valid; for the default token, `NotReady` before a
    /// method is chosen.
    pub fn drain(&self, token: NvToken) -> Result<(), Error> {
        self.drain_on(&Native, token)
    }

    pub(crate) fn flush_ranges_on<A: Arch>(
        &self,
        arch: &A,
        token: NvToken,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        self.acquire(token)?.flush_ranges_on(arch, ranges, flags)
    }

    pub(crate) fn drain_on<A: Arch>(&self, arch: &A, token: NvToken) -> Result<(), Error> {
        if token == NvToken::DEFAULT {
            arch::drain(arch, self.dispatch()?);
        } else {
            self.acquire(token)?.drain_on(arch);
        }
        Ok(())
    }
}
