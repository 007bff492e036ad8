//! Marking: lock-free, at any IRQL up to DISPATCH_LEVEL. Where the leaf is there it takes one locked
//! instruction for each word, and no memory.

use super::{
    DirtyMap, LEAF_LINES, MAX_LINE,
    slot::{Found, Slot},
};
use crate::{
    Reserve,
    mistake::{self, Mistake},
    reserve::{LEAF_WORDS, Leaf},
    run::LINE_SIZE,
    sync::{Ordering::SeqCst, fence, spin_loop},
};
use core::{borrow::Borrow, ops::Range};

/// A range that touches more leaves than this marks everything instead.
const MAX_LEAVES: u64 = 1 << 16;

/// How often a marker looks for a leaf that is not being taken out: some tens of microseconds, where
/// that takes less than one.
const ATTEMPTS: u32 = 1000;

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Marks every line that overlaps `offset..offset + length` dirty.
    ///
    /// Where there is no leaf left, all that it would cover becomes dirty: 2 MiB. Everything becomes
    /// dirty where there is no memory for a table, or what is marked lies beyond the map's reach.
    /// IRQL <= DISPATCH_LEVEL.
    #[inline]
    pub fn mark(&self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let first = offset / LINE_SIZE;
        let last = offset.saturating_add(length).wrapping_sub(1) / LINE_SIZE;
        if !self.mark_in_word(first, last) {
            self.mark_lines(first..last.saturating_add(1));
        }
    }

    /// Marks every line dirty, wherever the stream ends. IRQL <= DISPATCH_LEVEL.
    pub fn mark_all(&self) {
        // A read-modify-write, so that a collector who takes a later marker's flag sees what was
        // stored before this one too.
        self.everything.swap(true, SeqCst);
    }

    #[cold]
    fn mark_lines(&self, lines: Range<u64>) {
        let leaves = (lines.end.saturating_sub(lines.start) / LEAF_LINES).saturating_add(1);
        if lines.end > MAX_LINE || leaves > MAX_LEAVES {
            return self.mark_too_much();
        }
        let mut line = lines.start;
        while line < lines.end {
            let stop = (line | (LEAF_LINES - 1)).saturating_add(1).min(lines.end);
            self.mark_in_leaf(line, stop);
            line = stop;
        }
    }

    fn mark_too_much(&self) {
        self.reserve().note_coarse_mark();
        self.mark_all();
    }

    /// Marks lines of one leaf, which is put into its place if there is none.
    fn mark_in_leaf(&self, first: u64, end: u64) {
        let leaf = first / LEAF_LINES;
        let Some(slot) = self.make_slot(leaf) else {
            return self.mark_too_much();
        };
        // Not for ever: this processor may have interrupted whoever is at work on the place.
        for _ in 0..ATTEMPTS {
            let found = slot.get();
            if found.is_empty() {
                self.fill(slot, found);
            }
            let mark = |leaf: Leaf<'_>| mark_leaf(leaf, first, end.saturating_sub(1));
            if self.mark_at(slot, leaf, mark) || self.is_all(slot, leaf) {
                return;
            }
            spin_loop();
        }
        self.mark_too_much();
    }

    /// Puts a leaf into an empty place, or says that all is dirty without one.
    fn fill(&self, slot: &Slot, found: Found) {
        match self.take_leaf() {
            Some(leaf) => {
                if !slot.put(found, leaf, false) {
                    self.give_leaf(leaf);
                }
            }
            None => {
                if slot.put_all(found) {
                    self.reserve().note_coarse_mark();
                }
            }
        }
    }

    /// Whether all is dirty at a leaf's place.
    fn is_all(&self, slot: &Slot, leaf: u64) -> bool {
        // What was stored before this mark must be visible before it is believed: a collector that
        // takes it later then flushes that too.
        fence(SeqCst);
        let all = slot.get().is_all();
        if all {
            self.set_tables(leaf);
        }
        all
    }

    /// Marks lines `first..=last` if they are of one word, and its leaf is there and stays meanwhile.
    #[inline]
    fn mark_in_word(&self, first: u64, last: u64) -> bool {
        if first / 64 != last / 64 {
            return false;
        }
        let place = first / LEAF_LINES;
        let mark = |leaf: Leaf<'_>| mark_word(leaf, first, last);
        let slot = self.slot(place);
        slot.is_some_and(|slot| self.mark_at(slot, place, mark))
    }

    /// Marks in a leaf, if it is there and stays meanwhile. See "Why no mark is lost".
    #[inline]
    fn mark_at(&self, slot: &Slot, place: u64, mark: impl FnOnce(Leaf<'_>)) -> bool {
        let found = slot.get();
        let Some(leaf) = self.reserve().leaf(found.number()) else {
            return false;
        };
        mark(leaf);
        let now = slot.get();
        if !now.is_of(found) && !mistake::made(Mistake::NoSecondLook) {
            return false;
        }
        now.is_dirty() || self.add_dirty(slot, place, now)
    }

    /// Says that a leaf is dirty, to those who come through the tables too; fails if somebody has come
    /// to it.
    #[cold]
    fn add_dirty(&self, slot: &Slot, place: u64, now: Found) -> bool {
        if mistake::made(Mistake::LeafBeforeTables) {
            return slot.add_dirty(now) && {
                self.set_tables(place);
                true
            };
        }
        self.set_tables(place);
        slot.add_dirty(now)
    }
}

/// Marks lines `first..=last` of one leaf.
fn mark_leaf(leaf: Leaf<'_>, first: u64, last: u64) {
    if first / 64 == last / 64 {
        mark_word(leaf, first, last);
    } else {
        let in_leaf = |line| (line % LEAF_LINES) as usize;
        leaf.mark_lines(in_leaf(first), in_leaf(last));
    }
}

/// Marks lines `first..=last` of one word.
#[inline]
fn mark_word(leaf: Leaf<'_>, first: u64, last: u64) {
    let mask = u64::MAX << (first % 64) & u64::MAX >> (63 - last % 64);
    leaf.mark_word((first / 64) as usize % LEAF_WORDS, mask);
}
