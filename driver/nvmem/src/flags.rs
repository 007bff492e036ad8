//! Flags of the flush routines.

use crate::Error;

bitflags::bitflags! {
    /// `FLUSH_NV_MEMORY_IN_FLAG_*` (nf-ntddk-rtlflushnonvolatilememory).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct FlushFlags: u32 {
        /// Do not wait for the flush; a later drain does.
        const NO_DRAIN = 0x1;
    }
}

impl FlushFlags {
    /// Whether the call ends with a drain.
    ///
    /// # Errors
    /// `InvalidParameter` for unknown bits, which `from_bits_retain` lets through.
    pub(crate) fn drains(self) -> Result<bool, Error> {
        let known = Self::try_from(self.bits())?;
        Ok(!known.contains(Self::NO_DRAIN))
    }
}

impl TryFrom<u32> for FlushFlags {
    type Error = Error;

    fn try_from(bits: u32) -> Result<Self, Error> {
        Self::from_bits(bits).ok_or(Error::InvalidParameter)
    }
}
