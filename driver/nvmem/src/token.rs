//! Tokens, and the slot that stands behind one.
//!
//! ```text
//! token   [ check value : 32 | generation : 16 | slot index : 16 ]
//! word    [ check value : 32 | generation : 16 | users      : 16 ]
//! ```
//! A slot's `word` carries the tag (check value and generation) of the token that is valid now, 0
//! if none is, and the number of users. So one compare-exchange both validates a token and
//! registers its user, and freeing is one exchange of the tag: whoever comes later does not
//! find his tag, and whoever came before is counted.

use crate::{
    Error,
    method::Dispatch,
    range::Region,
    siphash::{self, Key},
};
use core::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

const INDEX_MASK: u64 = 0xFFFF;
const USERS_MASK: u64 = 0xFFFF;
const TAG_MASK: u64 = !USERS_MASK;
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

    pub(crate) const fn index(self) -> usize {
        (self.0 as u64 & INDEX_MASK) as usize
    }

    /// The tag, or nothing if no valid token looks like this one.
    const fn tag(self) -> Option<u64> {
        let raw = self.0 as u64;
        if raw >> CHECK_SHIFT == 0 {
            None
        } else {
            Some(raw & TAG_MASK)
        }
    }
}

/// One entry of the token table. All zero is a slot without a token.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Slot {
    word: AtomicU64,
    base: AtomicUsize,
    end: AtomicUsize,
    dispatch: AtomicU64,
    generation: AtomicU64,
    /// Link of the free list; see `table.rs`.
    pub(crate) next: AtomicU32,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            base: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            dispatch: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            next: AtomicU32::new(0),
        }
    }

    /// Makes a token for the region. The caller has taken the slot from the free list: it has no
    /// token and no users.
    pub(crate) fn publish(
        &self,
        index: u16,
        key: Key,
        region: Region,
        dispatch: Dispatch,
    ) -> NvToken {
        let generation = self.generation.load(Relaxed).wrapping_add(1);
        self.generation.store(generation, Relaxed);
        self.base.store(region.base(), Relaxed);
        self.end.store(region.end(), Relaxed);
        self.dispatch.store(dispatch.to_bits(), Relaxed);
        let tag = tag(key, index, generation);
        // Release: whoever finds the tag finds the region.
        self.word.store(tag, Release);
        NvToken((tag | u64::from(index)) as usize)
    }

    /// Becomes a user of the slot if the token is valid.
    #[inline]
    pub(crate) fn enter(&self, token: NvToken) -> Result<(), Error> {
        let tag = token.tag().ok_or(Error::InvalidParameter)?;
        let mut word = self.word.load(Relaxed);
        loop {
            if word & TAG_MASK != tag {
                return Err(Error::InvalidParameter);
            }
            if word & USERS_MASK == USERS_MASK {
                return Err(Error::InsufficientResources);
            }
            match self
                .word
                .compare_exchange_weak(word, word.wrapping_add(1), Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Ends one use.
    #[inline]
    pub(crate) fn leave(&self) {
        // Release: the flush is done before the one who waits in `retire` sees it.
        self.word.fetch_sub(1, Release);
    }

    /// Makes the token invalid, then waits until its last user has left.
    pub(crate) fn retire(&self, token: NvToken, mut wait: impl FnMut()) -> Result<(), Error> {
        let tag = token.tag().ok_or(Error::InvalidParameter)?;
        let mut word = self.word.load(Relaxed);
        loop {
            if word & TAG_MASK != tag {
                return Err(Error::InvalidParameter);
            }
            match self
                .word
                .compare_exchange_weak(word, word & USERS_MASK, AcqRel, Relaxed)
            {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        while self.word.load(Acquire) & USERS_MASK != 0 {
            wait();
        }
        Ok(())
    }

    /// Whether the slot has a token.
    pub(crate) fn is_live(&self) -> bool {
        self.word.load(Relaxed) & TAG_MASK != 0
    }

    /// The region and how to flush it. Stable for users of the slot only.
    #[inline]
    pub(crate) fn contents(&self) -> (Region, Dispatch) {
        let region = Region::from_parts(self.base.load(Relaxed), self.end.load(Relaxed));
        (region, Dispatch::from_bits(self.dispatch.load(Relaxed)))
    }
}

/// Check value and generation in their places. The check value is never 0: a slot without a token
/// has the tag 0, and a token cut to 32 bits has no check value.
const fn tag(key: Key, index: u16, generation: u64) -> u64 {
    let hash = siphash::hash(key, [index as u64, generation]) >> CHECK_SHIFT;
    let check = if hash == 0 { 1 } else { hash };
    check << CHECK_SHIFT | (generation & 0xFFFF) << GENERATION_SHIFT
}
