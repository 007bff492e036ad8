//! The instructions, and all unsafe code: nothing outside this folder can flush a line.
//!
//! `ordering.md` beside this file says why each fence is where it is.

/// A function that executes an instruction for each line of ranges; `$instruction` has its operand
/// as `{}`.
///
/// No flush says `nomem`: the compiler moves no store across one.
macro_rules! flush_loop {
    ($name:ident, $instruction:literal) => {
        /// # Safety
        /// The lines are mapped and readable, and the processor has the instruction.
        #[inline]
        unsafe fn $name(ranges: impl Iterator<Item = $crate::range::Lines>) {
            for lines in ranges {
                let mut line = lines.first;
                loop {
                    // SAFETY: the caller's promise. Writing a line back changes no byte of it.
                    unsafe {
                        core::arch::asm!(
                            $instruction,
                            in(reg) line,
                            options(nostack, preserves_flags),
                        );
                    }
                    if line == lines.last {
                        break;
                    }
                    line = line.wrapping_add(lines.step);
                }
            }
        }
    };
}

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(feature = "c-abi")]
pub mod exports;
#[cfg(test)]
pub(crate) mod on_paper;
mod store;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("Windows has persistent memory on x64 and ARM64 only");

#[cfg(target_arch = "aarch64")]
use aarch64 as native;
#[cfg(target_arch = "x86_64")]
use x86_64 as native;

use crate::{
    Error, FlushFlags, Method, NvMemory, NvMemoryRange, TokenGuard,
    method::Dispatch,
    range::{Admitted, Region},
};
#[cfg(feature = "c-abi")]
pub(crate) use native::entropy;
pub(crate) use native::{Native, detect};

/// What executes flushes and fences: [`Native`], or a recorder in the tests.
pub(crate) trait Arch {
    /// Starts to write back the lines of the ranges. Never called with [`Method::NoFlush`].
    ///
    /// # Safety
    /// The lines are mapped and readable.
    unsafe fn flush(&self, method: Method, line_size: usize, ranges: Admitted<'_>);

    /// Waits until the flushes that this processor began by the method are done, and orders stores.
    fn fence(&self, method: Method);
}

/// Flushes all ranges if all of them lie inside the token's region; else refuses.
#[inline]
pub(crate) fn flush_token<A: Arch>(
    arch: &A,
    token: &TokenGuard<'_>,
    ranges: &[NvMemoryRange],
) -> Result<(), Error> {
    let admitted = token.region().admit(ranges)?;
    // SAFETY: whoever got the token promised that its region stays mapped until the token is freed,
    // which the guard prevents, and the ranges were admitted to that region.
    unsafe { flush_admitted(arch, token.dispatch(), admitted) };
    Ok(())
}

/// Drains.
#[inline]
pub(crate) fn drain<A: Arch>(arch: &A, dispatch: Dispatch) {
    arch.fence(dispatch.method());
}

/// # Safety
/// The region that admitted the ranges is mapped and readable. (Lines are whole only inside a
/// page: rounding to them never reaches another page.)
#[inline]
unsafe fn flush_admitted<A: Arch>(arch: &A, dispatch: Dispatch, admitted: Admitted<'_>) {
    if dispatch.method() != Method::NoFlush {
        // SAFETY: the caller's promise.
        unsafe { arch.flush(dispatch.method(), dispatch.line_size(), admitted) };
    }
}

impl<const SLOTS: usize> NvMemory<SLOTS> {
    /// [`NvMemory::flush_ranges`] with the default token: ranges anywhere, the best method. IRQL as
    /// there.
    ///
    /// # Errors
    /// `InvalidParameter`, before any line is flushed, if a flag is unknown, or a range with a
    /// byte starts at the null pointer or ends beyond the addresses; `NotReady` before a method is
    /// chosen.
    ///
    /// # Safety
    /// Every range is mapped and readable during the call.
    pub unsafe fn flush_ranges_default(
        &self,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { self.flush_ranges_default_on(&Native, ranges, flags) }
    }

    /// # Safety
    /// As [`NvMemory::flush_ranges_default`].
    pub(crate) unsafe fn flush_ranges_default_on<A: Arch>(
        &self,
        arch: &A,
        ranges: &[NvMemoryRange],
        flags: FlushFlags,
    ) -> Result<(), Error> {
        let drains = flags.drains()?;
        let dispatch = self.dispatch()?;
        let admitted = Region::EVERYWHERE.admit(ranges)?;
        // SAFETY: the caller's promise; nothing but the ranges is touched.
        unsafe { flush_admitted(arch, dispatch, admitted) };
        if drains {
            drain(arch, dispatch);
        }
        Ok(())
    }
}
