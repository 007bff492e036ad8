//! The unsafe routines for tests that execute on something that touches no memory.

use super::Arch;
use crate::{Error, FlushFlags, NvMemory, NvMemoryRange, NvToken};

/// [`NvMemory::get_token`] for made-up addresses.
pub(crate) fn get_token<const SLOTS: usize>(
    memory: &NvMemory<SLOTS>,
    base: usize,
    size: usize,
) -> Result<NvToken, Error> {
    // SAFETY: the tests that call this flush on a recorder, which touches no memory.
    unsafe { memory.get_token(base, size) }
}

/// [`NvMemory::get_token_no_flush`] for made-up addresses.
pub(crate) fn get_token_no_flush<const SLOTS: usize>(
    memory: &NvMemory<SLOTS>,
    base: usize,
    size: usize,
) -> Result<NvToken, Error> {
    // SAFETY: as above.
    unsafe { memory.get_token_no_flush(base, size) }
}

/// [`NvMemory::flush_ranges_default`] of made-up addresses.
pub(crate) fn flush_ranges_default<const SLOTS: usize, A: Arch>(
    memory: &NvMemory<SLOTS>,
    recorder: &A,
    ranges: &[NvMemoryRange],
    flags: FlushFlags,
) -> Result<(), Error> {
    // SAFETY: as above.
    unsafe { memory.flush_ranges_default_on(recorder, ranges, flags) }
}
