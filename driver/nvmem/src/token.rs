//! Tokens.
//!
//! ```text
//! token   [ check value : 32 | generation : 16 | slot index : 16 ]
//! ```
//! Check value and generation together are the token's tag.

use crate::siphash::{self, Key};

const INDEX_MASK: u64 = 0xFFFF;
const CHECK_SHIFT: u32 = 32;
const GENERATION_SHIFT: u32 = 16;

/// An opaque name for a region, as `RtlGetNonVolatileToken` returns it. Copies are the same token.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NvToken(usize);

impl NvToken {
    /// `FLUSH_NV_MEMORY_DEFAULT_TOKEN`: no region, the best method. It is good for a drain and for
    /// the unsafe `*_default` routines.
    pub const DEFAULT: Self = Self(usize::MAX);

    /// The value that C callers hold.
    #[must_use]
    pub const fn as_raw(self) -> usize {
        self.0
    }

    /// A token from the value that a C caller passed. Any value is allowed; a wrong one is refused
    /// when it is used.
    #[must_use]
    pub const fn from_raw(raw: usize) -> Self {
        Self(raw)
    }

    /// The token of a slot.
    pub(crate) const fn new(tag: u64, index: u16) -> Self {
        Self((tag | index as u64) as usize)
    }

    pub(crate) const fn index(self) -> usize {
        (self.0 as u64 & INDEX_MASK) as usize
    }

    /// The tag, or nothing if no valid token looks like this one.
    pub(crate) const fn tag(self) -> Option<u64> {
        let raw = self.0 as u64;
        if raw >> CHECK_SHIFT == 0 {
            None
        } else {
            Some(raw & !INDEX_MASK)
        }
    }
}

/// Check value and generation in their places. The check value is never 0: a slot without a token
/// has the tag 0, and a token cut to 32 bits has no check value.
pub(crate) const fn tag(key: Key, index: u16, generation: u64) -> u64 {
    let hash = siphash::hash(key, [index as u64, generation]) >> CHECK_SHIFT;
    let check = if hash == 0 { 1 } else { hash };
    check << CHECK_SHIFT | (generation & 0xFFFF) << GENERATION_SHIFT
}
