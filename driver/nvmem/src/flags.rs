//! Flags of the flush, write and fill routines.

use crate::Error;

bitflags::bitflags! {
    /// `FLUSH_NV_MEMORY_IN_FLAG_*` (nf-ntddk-rtlflushnonvolatilememory).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FlushFlags: u32 {
        /// Do not wait for the flush; a later drain does.
        const NO_DRAIN = 0x1;
    }

    /// `WRITE_NV_MEMORY_FLAG_*` and `FILL_NV_MEMORY_FLAG_*`, which are the same
    /// (nf-ntddk-rtlfillnonvolatilememory). Without any flag the bytes are stored, and that is all.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct WriteFlags: u32 {
        /// Store, flush, and drain unless `NO_DRAIN` says not to.
        const FLUSH = 0x1;
        /// Store past the caches; what cannot go past them is flushed. Always drained.
        const NON_TEMPORAL = 0x2;
        /// `FLUSH` or `NON_TEMPORAL`, whichever costs less here. Always drained.
        const PERSIST = Self::FLUSH.bits() | Self::NON_TEMPORAL.bits();
        /// Do not wait for the flush; a later drain does. Means something with `FLUSH` alone: it is
        /// ignored beside `NON_TEMPORAL` and `PERSIST`, and refused without any of them.
        const NO_DRAIN = 0x100;
    }
}

impl FlushFlags {
    /// Whether the call ends with a drain.
    ///
    /// # Errors
    /// `InvalidParameter` for unknown bits, which `from_bits_retain` lets through.
    #[inline]
    pub(crate) fn drains(self) -> Result<bool, Error> {
        let known = Self::try_from(self.bits())?;
        Ok(!known.contains(Self::NO_DRAIN))
    }
}

impl TryFrom<u32> for FlushFlags {
    type Error = Error;

    #[inline]
    fn try_from(bits: u32) -> Result<Self, Error> {
        Self::from_bits(bits).ok_or(Error::InvalidParameter)
    }
}

/// What a write does besides storing the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing.
    Volatile,
    /// Flushes them.
    Flushed,
    /// Stores them past the caches, and flushes the rest.
    NonTemporal,
    /// The cheaper of the last two.
    Cheapest,
}

impl WriteFlags {
    /// What the flags ask for, and whether the call ends with a drain.
    ///
    /// # Errors
    /// `InvalidParameter` for unknown bits, which `from_bits_retain` lets through, and for
    /// `NO_DRAIN` without a flush.
    pub(crate) fn meaning(self) -> Result<(Durability, bool), Error> {
        let known = Self::try_from(self.bits())?;
        let drains = !known.contains(Self::NO_DRAIN);
        let durability = known.difference(Self::NO_DRAIN);
        if durability == Self::PERSIST {
            Ok((Durability::Cheapest, true))
        } else if durability == Self::NON_TEMPORAL {
            Ok((Durability::NonTemporal, true))
        } else if durability == Self::FLUSH {
            Ok((Durability::Flushed, drains))
        } else if drains {
            Ok((Durability::Volatile, false))
        } else {
            Err(Error::InvalidParameter)
        }
    }
}

impl TryFrom<u32> for WriteFlags {
    type Error = Error;

    fn try_from(bits: u32) -> Result<Self, Error> {
        Self::from_bits(bits).ok_or(Error::InvalidParameter)
    }
}
