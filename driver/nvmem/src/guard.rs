//! A token in use.

use crate::{
    Error, FlushFlags, NvMemoryRange,
    arch::{self, Arch, Native},
    method::Dispatch,
    range::Region,
    slot::Entry,
};

/// A token that cannot be freed as long as this lives; see [`crate::NvMemory::acquire`].
#[derive(Debug)]
#[must_use = "the token can be freed again as soon as the guard is dropped"]
pub struct TokenGuard<'a> {
    _entry: Entry<'a>,
    region: Region,
    dispatch: Dispatch,
}

impl<'a> TokenGuard<'a> {
    #[inline]
    pub(crate) fn new(entry: Entry<'a>) -> Self {
        let (region, dispatch) = entry.contents();
        Self {
            _entry: entry,
            region,
            dispatch,
        }
    }
}

impl TokenGuard<'_> {
    /// As [`crate::NvMemory::flush`].
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed.
    #[inline]
    pub fn flush(&self, base: usize, size: usize, flags: FlushFlags) -> Result<(), Error> {
        self.flush_ranges(&[NvMemoryRange::new(base, size)], flags)
    }

    /// As [`crate::NvMemory::flush_ranges`].
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed.
    #[inline]
    pub fn flush_ranges(&self, ranges: &[NvMemoryRange], flags: FlushFlags) -> Result<(), Error> {
        self.flush_ranges_on(&Native, ranges, flags)
    }

    /// As [`crate::NvMemory::drain`].
    #[inline]
    pub fn drain(&self) {
        self.drain_on(&Native);
    }

    #[inline]
    pub(crate) fn flush_ranges_on<A: Arch>(
        &self,
        arch: &A,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        let drains = flags.drains()?;
        arch::flush_token(arch, self, ranges)?;
        if drains {
            self.drain_on(arch);
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn drain_on<A: Arch>(&self, arch: &A) {
        arch::drain(arch, self.dispatch);
    }

    pub(crate) const fn region(&self) -> &Region {
        &self.region
    }

    pub(crate) const fn dispatch(&self) -> Dispatch {
        self.dispatch
    }
}
