//! Marking: lock-free, without allocation, at any IRQL up to DISPATCH_LEVEL. Where the leaf is there
//! it takes one locked instruction for each word.

use super::{DirtyMap, LEAF_LINES, LEAF_WORDS, LINE_SIZE, MAX_LINE, slot_above, slot_of};
use crate::{
    Reserve,
    mistake::{self, Mistake},
    reserve::{GROUP, LeafState, Link, State, Words},
    sync::{AtomicU64, Ordering::SeqCst, spin_loop},
};
use core::{borrow::Borrow, ops::Range};

/// A range that touches more leaves than this marks everything instead.
const MAX_LEAVES: u64 = 1 << 16;

/// How often a marker looks for a way whose nodes are not being given back or taken out: some tens of
/// microseconds, where that takes one or two.
const ATTEMPTS: u32 = 1000;

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Marks every line that overlaps `offset..offset + length` dirty.
    ///
    /// Where there is no memory for a node, all that it would cover becomes dirty: 2 MiB, or more
    /// further up; what lies beyond the map's reach makes everything dirty. IRQL <= DISPATCH_LEVEL.
    #[inline]
    pub fn mark(&self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let first = offset / LINE_SIZE;
        let end = offset.saturating_add(length).div_ceil(LINE_SIZE);
        let one_leaf = first / LEAF_LINES == end.wrapping_sub(1) / LEAF_LINES;
        if end <= MAX_LINE && one_leaf && self.try_mark(first..end) {
            return;
        }
        self.mark_lines(first..end);
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
            self.mark_in_leaf(line..stop);
            line = stop;
        }
    }

    fn mark_too_much(&self) {
        self.reserve().note_coarse_mark();
        self.mark_all();
    }

    /// Marks lines of one leaf, making the way there where there is none.
    fn mark_in_leaf(&self, lines: Range<u64>) {
        // Not for ever: this processor may have interrupted whoever is at work on the way.
        let marked = (0..ATTEMPTS).any(|_| {
            self.try_mark(lines.clone())
                || self.make_way(lines.start).is_done().unwrap_or_else(|| {
                    spin_loop();
                    false
                })
        });
        if !marked {
            self.mark_too_much();
        }
    }

    /// Marks lines of one leaf, if it is there and stays meanwhile.
    #[inline]
    fn try_mark(&self, lines: Range<u64>) -> bool {
        let leaf = lines.start / LEAF_LINES;
        if let Some(entry) = self.direct.get(leaf as usize) {
            return self.mark_leaf(entry, lines, || true);
        }
        if let Some(entry) = self.single.get(slot_above(leaf)) {
            return self.mark_below(entry, leaf, 1, lines, || true);
        }
        self.mark_deep(lines)
    }

    #[inline(never)]
    fn mark_deep(&self, lines: Range<u64>) -> bool {
        let leaf = lines.start / LEAF_LINES;
        let top = self.top_of(leaf);
        top.is_some_and(|(entry, height)| self.descend(entry, leaf, height, lines, &|| true))
    }

    /// The depth of recursion is the height.
    fn descend(
        &self,
        entry: &AtomicU64,
        leaf: u64,
        height: u32,
        lines: Range<u64>,
        above: &dyn Fn() -> bool,
    ) -> bool {
        if height <= 1 {
            return self.mark_below(entry, leaf, height, lines, above);
        }
        let link = entry.load(SeqCst);
        let entries = self.reserve().entries(Link(link));
        let next = entries.and_then(|entries| entries.get(slot_of(leaf, height)));
        next.is_some_and(|next| {
            let above = || is_still(entry, link) && above();
            self.descend(next, leaf, height.saturating_sub(1), lines, &above)
        })
    }

    /// Marks in a leaf below a directory; `above` tells whether the directory is in its place.
    #[inline]
    fn mark_below(
        &self,
        entry: &AtomicU64,
        leaf: u64,
        height: u32,
        lines: Range<u64>,
        above: impl Fn() -> bool,
    ) -> bool {
        let link = entry.load(SeqCst);
        let Some(entries) = self.reserve().entries(Link(link)) else {
            return false;
        };
        let Some(next) = entries.get(slot_of(leaf, height)) else {
            return false;
        };
        self.mark_leaf(next, lines, || is_still(entry, link) && above())
    }

    /// See "Why no mark is lost".
    #[inline]
    fn mark_leaf(
        &self,
        entry: &AtomicU64,
        lines: Range<u64>,
        above: impl FnOnce() -> bool,
    ) -> bool {
        let link = entry.load(SeqCst);
        let Some(words) = self.reserve().words(Link(link)) else {
            return false;
        };
        let Some(state) = self.reserve().leaf_state(Link(link)) else {
            return false;
        };
        let found = state.get();
        if !is_still(entry, link) || !above() {
            return false;
        }
        let groups = mark_words(words, lines.start, lines.end);
        let now = state.get();
        if !now.is_of(found) && !mistake::made(Mistake::NoSecondLook) {
            return false;
        }
        // Where one bit of a leaf is set, those of the directories were set before.
        now.summary() & groups == groups
            || (now.summary() != 0 && state.add_summary(found, groups))
            || self.set_summaries(lines.start / LEAF_LINES, state, found, groups)
    }

    /// Sets the summary bits of the directories above a leaf, from below, and then its own; fails if a
    /// collector has come to it.
    #[cold]
    fn set_summaries(&self, leaf: u64, state: &LeafState, found: State, groups: u32) -> bool {
        let first = mistake::made(Mistake::LeafBeforeDirectories);
        (!first || state.add_summary(found, groups))
            && self.set_directories(leaf)
            && state.add_summary(found, groups)
    }
}

/// Whether what was found in an entry is there still.
#[inline]
fn is_still(entry: &AtomicU64, link: u64) -> bool {
    entry.load(SeqCst) == link
}

/// Sets the bits of lines of one leaf, at least one. Returns the bits of its summary that stand for
/// them.
#[inline]
fn mark_words(words: &Words, start: u64, end: u64) -> u32 {
    let mut line = start;
    let mut groups = 0;
    loop {
        let slot = (line / 64) as usize & (LEAF_WORDS - 1);
        let left = end.wrapping_sub(line & !63);
        let last = left <= 64;
        let below = if last {
            u64::MAX >> (left.wrapping_neg() & 63)
        } else {
            u64::MAX
        };
        if let Some(word) = words.get(slot) {
            // Always a read-modify-write: it also makes what was stored before this mark visible
            // before any collector can take the bit.
            word.fetch_or((u64::MAX << (line & 63)) & below, SeqCst);
        }
        groups |= 1 << (slot / GROUP % 32);
        if last {
            return groups;
        }
        line = (line | 63).wrapping_add(1);
    }
}

/// Sets a bit of a directory's summary, if it is not set.
#[inline]
pub(super) fn set_bit(summary: &AtomicU64, bit: usize) {
    let bit = 1_u64 << (bit % 64);
    if summary.load(SeqCst) & bit == 0 {
        summary.fetch_or(bit, SeqCst);
    }
}
