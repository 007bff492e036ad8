//! Preallocated leaves for dirty maps.

mod leaf;
mod pool;

pub(crate) use leaf::{GROUP, LEAF_WORDS, Leaf};

use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use alloc::collections::TryReserveError;
use pool::Pool;

/// Bytes of tables that all maps of a volume may have.
const MAX_TABLES: u32 = 64 << 20;

/// What the dirty maps of a volume are made of: leaves, allocated once and taken and given back
/// without a lock; and how many tables the maps have allocated.
pub struct Reserve {
    leaves: Pool,
    /// Bytes.
    tables: AtomicU32,
    /// Marks that covered more than was stored.
    coarse: AtomicU64,
}

impl Reserve {
    /// Bytes of a leaf.
    pub const LEAF_BYTES: usize = Pool::BYTES;

    /// A reserve of `count` leaves of about 4 KiB.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn with_leaves(count: u32) -> Result<Self, TryReserveError> {
        Ok(Self {
            leaves: Pool::with(count)?,
            tables: AtomicU32::new(0),
            coarse: AtomicU64::new(0),
        })
    }

    /// Leaves in all.
    pub fn leaves(&self) -> u32 {
        self.leaves.count()
    }

    /// Leaves not in use.
    pub fn free_leaves(&self) -> u32 {
        self.leaves.free()
    }

    /// Bytes of the leaves in all, and of the tables.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(self.leaves.count())
    }

    /// Bytes of the leaves in use, and of the tables.
    pub fn used_bytes(&self) -> u64 {
        self.bytes_of(self.leaves.used())
    }

    /// Marks so far that covered more than was stored, for want of memory or of time.
    pub fn coarse_marks(&self) -> u64 {
        self.coarse.load(Relaxed)
    }

    pub(crate) fn note_coarse_mark(&self) {
        self.coarse.fetch_add(1, Relaxed);
    }

    /// Leaves that one map may have: three quarters, so that no stream takes all of a volume's.
    pub fn share_of_one_map(&self) -> u32 {
        let count = self.leaves.count();
        count.saturating_sub(count / 4)
    }

    /// Whether leaves that are not needed now should be given back: when more than an eighth is in
    /// use, so that what streams keep for their next commit stays below that.
    pub(crate) fn is_scarce(&self) -> bool {
        self.leaves.used() > self.leaves.count() / 8
    }

    /// Whether leaves should stay in their places, so that no marker needs another meanwhile: when
    /// less than a quarter is left.
    pub(crate) fn is_short(&self) -> bool {
        self.leaves.free() <= self.leaves.count() / 4
    }

    /// The leaf of a number.
    #[inline]
    pub(crate) fn leaf(&self, number: u32) -> Option<Leaf<'_>> {
        self.leaves.leaf(number)
    }

    /// Takes a clean leaf.
    pub(crate) fn take_leaf(&self) -> Option<u32> {
        self.leaves.take()
    }

    /// Gives back a leaf that is in no place, has left the last one a generation ago, and is clean.
    pub(crate) fn give_leaf(&self, leaf: u32) {
        self.leaves.give(leaf);
    }

    /// Counts the bytes of a table that a map is about to allocate, if it may.
    pub(crate) fn add_table(&self, bytes: u32) -> bool {
        let more = |all: u32| all.checked_add(bytes).filter(|all| *all <= MAX_TABLES);
        self.tables.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    pub(crate) fn remove_tables(&self, bytes: u32) {
        self.tables.fetch_sub(bytes, SeqCst);
    }

    fn bytes_of(&self, leaves: u32) -> u64 {
        let leaves = u64::from(leaves).saturating_mul(Self::LEAF_BYTES as u64);
        leaves.saturating_add(u64::from(self.tables.load(Relaxed)))
    }
}
