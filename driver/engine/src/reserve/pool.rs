//! A fixed number of leaves, taken and given back without a lock.

use super::leaf::{Leaf, Words};
use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use alloc::{collections::TryReserveError, vec::Vec};

/// Leaves at most, so that none has a number that a place without one says.
const MAX: u32 = 1 << 30;

/// Leaves whose memory stays what it is: whoever comes with a number that is out of date finds a
/// leaf, if perhaps another one's.
pub(crate) struct Pool {
    words: Vec<Words>,
    hints: Vec<AtomicU64>,
    /// Number + 1 of the next free leaf, for each.
    next: Vec<AtomicU32>,
    /// `[ takes : 32 | number + 1 : 32 ]` of the first free leaf. The count keeps a take from
    /// succeeding on a head that was taken and given back in between.
    head: AtomicU64,
    free: AtomicU32,
}

impl Pool {
    /// Bytes of a leaf.
    pub const BYTES: usize = size_of::<Words>() + size_of::<AtomicU64>() + size_of::<AtomicU32>();

    pub fn with(count: u32) -> Result<Self, TryReserveError> {
        let count = count.min(MAX);
        let pool = Self {
            words: filled(count, Words::new)?,
            hints: filled(count, || AtomicU64::new(0))?,
            next: filled(count, || AtomicU32::new(0))?,
            head: AtomicU64::new(0),
            free: AtomicU32::new(0),
        };
        (0..count).rev().for_each(|leaf| pool.give(leaf));
        Ok(pool)
    }

    pub fn count(&self) -> u32 {
        self.next.len() as u32
    }

    pub fn free(&self) -> u32 {
        self.free.load(Relaxed)
    }

    pub fn used(&self) -> u32 {
        self.count().saturating_sub(self.free())
    }

    #[inline]
    pub fn leaf(&self, number: u32) -> Option<Leaf<'_>> {
        let words = self.words.get(number as usize)?;
        let hint = self.hints.get(number as usize)?;
        Some(Leaf { words, hint })
    }

    /// Takes a leaf, as whoever gave it back, and whoever came by late, has left it.
    pub fn take(&self) -> Option<u32> {
        let mut head = self.head.load(Acquire);
        loop {
            let leaf = (head as u32).checked_sub(1)?;
            let next = self.next.get(leaf as usize)?.load(Relaxed);
            let takes = (head >> 32).wrapping_add(1) << 32;
            let new = takes | u64::from(next);
            match self.head.compare_exchange_weak(head, new, AcqRel, Acquire) {
                Ok(_) => {
                    self.free.fetch_sub(1, Relaxed);
                    return Some(leaf);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Gives back a leaf that nothing refers to.
    pub fn give(&self, leaf: u32) {
        let Some(next) = self.next.get(leaf as usize) else {
            return;
        };
        self.free.fetch_add(1, Relaxed);
        let mut head = self.head.load(Relaxed);
        loop {
            next.store(head as u32, Relaxed);
            let new = (head >> 32 << 32) | u64::from(leaf).wrapping_add(1);
            match self.head.compare_exchange_weak(head, new, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

fn filled<T>(count: u32, new: impl FnMut() -> T) -> Result<Vec<T>, TryReserveError> {
    let mut all = Vec::new();
    all.try_reserve_exact(count as usize)?;
    all.resize_with(count as usize, new);
    Ok(all)
}
