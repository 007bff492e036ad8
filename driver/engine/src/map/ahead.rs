//! Leaves that a collection has taken out of their places, so that nobody's mark in them counts any
//! more: their words are then read and cleared by plain loads and stores.
//!
//! A locked instruction waits for the flushes under way, much as a drain does. So leaves are taken out
//! ahead of the flushing, and put back when it is over.

use super::{
    DirtyMap, LEAF_LINES, bits,
    collect::{Sink, runs_of},
    slot::Slot,
};
use crate::{
    Reserve,
    mistake::{self, Mistake},
    reserve::{GROUP, Leaf},
    run::LINE_SIZE,
    sync::{
        AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};
use core::{borrow::Borrow, ops::Range};

/// Leaves that are taken out at once: 128 MiB of file, if all of it is dirty.
const LEAVES: usize = 64;

#[derive(Clone, Copy)]
struct TakenOut {
    /// The leaf's first line.
    first: u64,
    leaf: u32,
    /// Whether it was called dirty and has not been read to its end.
    dirty: bool,
}

/// Leaves taken out, in order.
pub(crate) struct Ahead {
    leaves: [TakenOut; LEAVES],
    count: usize,
    /// How many of them have been read to their end.
    read: usize,
}

impl Ahead {
    pub const fn new() -> Self {
        const NONE: TakenOut = TakenOut {
            first: 0,
            leaf: 0,
            dirty: false,
        };
        Self {
            leaves: [NONE; LEAVES],
            count: 0,
            read: 0,
        }
    }

    #[inline]
    pub const fn is_full(&self) -> bool {
        self.count >= LEAVES
    }

    /// Takes the leaf at line `first` out of its place. There is room.
    #[inline]
    pub(super) fn take(&mut self, slot: &Slot, first: u64) {
        let found = slot.take();
        if let Some(place) = self.leaves.get_mut(self.count) {
            *place = TakenOut {
                first,
                leaf: found.number(),
                dirty: found.is_dirty(),
            };
            self.count = self.count.saturating_add(1);
        }
    }

    /// Passes on the runs of the leaves that were not read yet.
    ///
    /// # Errors
    /// The sink's; what was not passed on stays in the leaves.
    pub fn read<S: Sink>(&mut self, reserve: &Reserve, sink: &mut S) -> Result<(), S::Error> {
        let leaves = self.leaves.get_mut(..self.count).unwrap_or_default();
        for taken in leaves.iter_mut().skip(self.read) {
            if let Some(leaf) = reserve.leaf(taken.leaf).filter(|_| taken.dirty) {
                read(leaf, taken.first, sink)?;
                taken.dirty = false;
            }
            self.read = self.read.saturating_add(1);
        }
        Ok(())
    }
}

/// Passes on the runs of a leaf that is in no place. What was passed on is no longer in it.
fn read<S: Sink>(leaf: Leaf<'_>, first: u64, sink: &mut S) -> Result<(), S::Error> {
    let hint = leaf.hint.load(SeqCst);
    leaf.hint.store(0, Relaxed);
    let groups = leaf.words.groups();
    for group in bits(hint) {
        let Some(words) = groups.get(group as usize) else {
            continue;
        };
        let first = first.wrapping_add(u64::from(group) * (GROUP * 64) as u64);
        for slot in bits(dirty_words(words)) {
            let Some(word) = words.get(slot as usize) else {
                continue;
            };
            // A mark that comes between these two does not count.
            let dirty = word.load(SeqCst);
            word.store(0, Relaxed);
            let passed = runs_of(dirty, first.wrapping_add(64 * u64::from(slot)), sink);
            if passed.is_err() {
                leaf.hint.fetch_or(hint & (u64::MAX << group), SeqCst);
                return passed;
            }
        }
    }
    Ok(())
}

/// Which words have a bit set. Found without a branch on what a word is: where the dirty ones are
/// cannot be predicted.
#[inline]
fn dirty_words(words: &[AtomicU64; GROUP]) -> u64 {
    let dirty = |word: &AtomicU64| u64::from(word.load(SeqCst) != 0);
    let bits = words.iter().map(dirty).zip(0_u32..);
    bits.fold(0_u64, |mask, (dirty, bit)| mask | dirty << bit)
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Puts leaves back that were taken out, with what is still dirty in them. For the one collector.
    pub(crate) fn put_back(&self, ahead: &mut Ahead) {
        for taken in ahead.leaves.get(..ahead.count).unwrap_or_default() {
            self.put_back_leaf(taken.leaf, taken.first, taken.dirty);
        }
        (ahead.count, ahead.read) = (0, 0);
    }

    /// Puts a leaf back to where it was, or what is dirty in it if there is another by now; gives it
    /// back to the reserve if it is clean and leaves are scarce. For the one collector.
    pub(super) fn put_back_leaf(&self, number: u32, first: u64, dirty: bool) {
        let dirty = dirty && !mistake::made(Mistake::EarlyLeafReuse);
        let wanted = dirty || !self.reserve().is_scarce();
        if wanted && self.put_in_place(number, first, dirty) {
            return;
        }
        if let Some(leaf) = self.reserve().leaf(number).filter(|_| dirty) {
            let Ok(()) = read(leaf, first, &mut MarkAgain(self));
        }
        self.give_leaf(number);
    }

    fn put_in_place(&self, leaf: u32, first: u64, dirty: bool) -> bool {
        let place = first / LEAF_LINES;
        if dirty {
            self.set_tables(place);
        }
        let slot = self.slot(place);
        slot.is_some_and(|slot| slot.put(slot.get(), leaf, dirty))
    }
}

/// Marks runs again.
struct MarkAgain<'a, R: Borrow<Reserve>>(&'a DirtyMap<R>);

impl<R: Borrow<Reserve>> Sink for MarkAgain<'_, R> {
    type Error = core::convert::Infallible;

    fn run(&mut self, lines: Range<u64>, _: bool) -> Result<(), Self::Error> {
        let count = lines.end.saturating_sub(lines.start);
        self.0.mark(
            lines.start.saturating_mul(LINE_SIZE),
            count.saturating_mul(LINE_SIZE),
        );
        Ok(())
    }
}
