//! `RtlWriteNonVolatileMemory`, `RtlFillNonVolatileMemory`: how the bytes of a store travel. The
//! stores themselves are in `arch/store.rs`.

use crate::{Error, Method, NvMemoryRange, WriteFlags, flags::Durability, method::Dispatch};

/// Bytes that are stored past the caches at once, aligned to their number: one cache line, so that
/// no line is ever written both ways.
pub(crate) const UNIT: usize = 64;

/// The fewest bytes that `PERSIST` stores past the caches: below, a flush is cheaper. The benchmark
/// `nvmem` shows both on either side of it.
const CHEAPER_PAST_CACHES: usize = 256;

/// A checked write or fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) route: Route,
    pub(crate) drains: bool,
}

/// How the bytes of a store travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the caches, where they stay.
    Cached,
    /// Through the caches, whose lines are then flushed.
    Flushed,
    /// Whole lines past the caches; the bytes before and after through them, and flushed.
    PastCaches(Split),
}

/// A destination as the bytes before its first whole unit, its whole units, and the bytes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) head: usize,
    pub(crate) middle: usize,
    pub(crate) tail: usize,
}

impl Plan {
    /// What `flags` ask of a store to `destination`; `overlaps` says that the source is in the way,
    /// so that bytes must be stored in an order that non-temporal stores do not keep.
    ///
    /// # Errors
    /// `InvalidParameter` for flags that mean nothing.
    pub(crate) fn new(
        flags: WriteFlags,
        dispatch: Dispatch,
        destination: &NvMemoryRange,
        overlaps: bool,
    ) -> Result<Self, Error> {
        let (durability, drains) = flags.meaning()?;
        let split = Split::of(destination);
        let bypass = match durability {
            Durability::Volatile | Durability::Flushed => false,
            Durability::NonTemporal => true,
            Durability::Cheapest => {
                dispatch.method() != Method::NoFlush && destination.length >= CHEAPER_PAST_CACHES
            }
        };
        let route = if bypass && split.middle > 0 && !overlaps {
            Route::PastCaches(split)
        } else if durability == Durability::Volatile {
            Route::Cached
        } else {
            Route::Flushed
        };
        Ok(Self { route, drains })
    }
}

impl Split {
    const fn of(destination: &NvMemoryRange) -> Self {
        let (start, size) = (destination.base_address, destination.length);
        let to_unit = start.wrapping_neg() & UNIT.wrapping_sub(1);
        let head = if to_unit < size { to_unit } else { size };
        let rest = size.wrapping_sub(head);
        let tail = rest & UNIT.wrapping_sub(1);
        Self {
            head,
            middle: rest.wrapping_sub(tail),
            tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn split_is_whole_and_its_middle_is_aligned(start: usize, size in 0..10_000_usize) {
            prop_assume!(start.checked_add(size).is_some());
            let Split { head, middle, tail } = Split::of(&NvMemoryRange {
                base_address: start,
                length: size,
            });
            prop_assert_eq!(head + middle + tail, size);
            prop_assert!(head < UNIT && tail < UNIT);
            prop_assert_eq!(middle % UNIT, 0);
            if middle > 0 {
                prop_assert_eq!((start + head) % UNIT, 0);
            } else {
                prop_assert!(size < 2 * UNIT);
            }
        }
    }
}
