//! A fixed number of nodes, taken and given back without a lock.

use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use alloc::{collections::TryReserveError, vec::Vec};

/// Index + 1 of the next free node.
#[derive(Default)]
pub(crate) struct Next(AtomicU32);

/// What a pool keeps beside the words of a node.
pub(crate) trait Pooled: Default {
    fn next(&self) -> &Next;
}

/// Nodes of `N` words whose memory stays what it is: whoever comes with an index that is out of date
/// finds a node, if perhaps another one's.
pub(crate) struct Pool<T, const N: usize> {
    words: Vec<[AtomicU64; N]>,
    states: Vec<T>,
    /// `[ takes : 32 | index + 1 : 32 ]` of the first free node. The count keeps a take from
    /// succeeding on a head that was taken and given back in between.
    head: AtomicU64,
    free: AtomicU32,
}

impl<T: Pooled, const N: usize> Pool<T, N> {
    pub fn with(count: u32) -> Result<Self, TryReserveError> {
        let (mut words, mut states) = (Vec::new(), Vec::new());
        words.try_reserve_exact(count as usize)?;
        states.try_reserve_exact(count as usize)?;
        words.resize_with(count as usize, || [const { AtomicU64::new(0) }; N]);
        states.resize_with(count as usize, T::default);
        let pool = Self {
            words,
            states,
            head: AtomicU64::new(0),
            free: AtomicU32::new(0),
        };
        (0..count).rev().for_each(|index| pool.give(index));
        Ok(pool)
    }

    pub fn count(&self) -> u32 {
        self.states.len() as u32
    }

    pub fn free(&self) -> u32 {
        self.free.load(Relaxed)
    }

    pub fn used(&self) -> u32 {
        self.count().saturating_sub(self.free())
    }

    #[inline]
    pub fn words(&self, index: u32) -> Option<&[AtomicU64; N]> {
        self.words.get(index as usize)
    }

    #[inline]
    pub fn state(&self, index: u32) -> Option<&T> {
        self.states.get(index as usize)
    }

    /// Takes a node, as whoever gave it back, and whoever came by late, has left it.
    pub fn take(&self) -> Option<u32> {
        let mut head = self.head.load(Acquire);
        loop {
            let index = (head as u32).checked_sub(1)?;
            let node = self.state(index)?;
            let takes = (head >> 32).wrapping_add(1) << 32;
            let new = takes | u64::from(node.next().0.load(Relaxed));
            match self.head.compare_exchange_weak(head, new, AcqRel, Acquire) {
                Ok(_) => {
                    self.free.fetch_sub(1, Relaxed);
                    return Some(index);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Gives back a node that nothing refers to.
    pub fn give(&self, index: u32) {
        let Some(node) = self.state(index) else {
            return;
        };
        self.free.fetch_add(1, Relaxed);
        let mut head = self.head.load(Relaxed);
        loop {
            node.next().0.store(head as u32, Relaxed);
            let new = (head >> 32 << 32) | u64::from(index).wrapping_add(1);
            match self.head.compare_exchange_weak(head, new, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}
