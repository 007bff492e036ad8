//! Marking: lock-free, without allocation, at any IRQL up to DISPATCH_LEVEL.

use super::{
    ALL, DirtyMap, FANOUT, FANOUT_BITS, LEAF_LINES, LEVELS, LINE_SIZE, MAX_LINE, Node, Reserve,
    child, entry_lines,
};
use core::{
    borrow::Borrow,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::SeqCst, fence},
};

/// A range that touches more leaves than this marks everything instead.
const MAX_LEAVES: u64 = 1 << 16;

/// How often a marker looks for a leaf that is not being given back.
const ATTEMPTS: u32 = 8;

/// The words on the way from the root to a leaf's entry, for setting their summary bits.
struct Path<'a> {
    /// Directory and slot, from the root down.
    steps: [Option<(&'a Node, usize)>; LEVELS as usize],
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Marks every line that overlaps `offset..offset + length` dirty.
    ///
    /// Where there is no memory for a leaf, its whole 2 MiB become dirty; what lies beyond the
    /// map's reach makes everything dirty. IRQL <= DISPATCH_LEVEL.
    pub fn mark(&self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let first = offset / LINE_SIZE;
        let end = offset.saturating_add(length).div_ceil(LINE_SIZE);
        let leaves = (end.saturating_sub(first) / LEAF_LINES).saturating_add(1);
        if end > MAX_LINE || leaves > MAX_LEAVES {
            return self.mark_all();
        }
        let mut line = first;
        while line < end {
            let stop = (line | (LEAF_LINES - 1)).saturating_add(1).min(end);
            self.mark_in_leaf(line, stop);
            line = stop;
        }
    }

    /// Marks every line dirty, wherever the stream ends. IRQL <= DISPATCH_LEVEL.
    pub fn mark_all(&self) {
        self.everything.store(true, SeqCst);
    }

    /// Marks lines that lie below one leaf's entry.
    fn mark_in_leaf(&self, first: u64, end: u64) {
        // A leaf can be given back between finding and pinning it, so look again; but not for
        // ever, as this processor may have interrupted whoever gives it back.
        let marked = (0..ATTEMPTS).any(|_| {
            let Some((entry, path)) = self.leaf_entry(first) else {
                return false;
            };
            let marked = match leaf_of(self.reserve(), entry) {
                Some((index, leaf)) => mark_pinned(entry, index, leaf, first..end),
                None => entry.load(SeqCst) == ALL,
            };
            if marked {
                path.set_summaries();
            }
            marked
        });
        if !marked {
            self.mark_all();
        }
    }

    /// The entry of the leaf that has `line`, in directories made on the way. Nothing if there is
    /// no memory for one.
    fn leaf_entry(&self, line: u64) -> Option<(&AtomicU64, Path<'_>)> {
        let mut entry = &self.root;
        let mut path = Path {
            steps: [None; LEVELS as usize],
        };
        for (depth, step) in path.steps.iter_mut().enumerate() {
            let directory = directory_of(self.reserve(), entry)?;
            let levels = LEVELS.checked_sub(depth as u32)?;
            let slot = (line / entry_lines(levels)) as usize & (FANOUT - 1);
            *step = Some((directory, slot));
            entry = directory.words.get(slot)?;
        }
        Some((entry, path))
    }
}

impl Path<'_> {
    /// Sets the summary bits from the bottom up.
    fn set_summaries(&self) {
        for (directory, slot) in self.steps.iter().rev().flatten() {
            set_summary(directory, *slot);
        }
    }
}

/// The node of a directory entry, made if it has none.
fn directory_of<'a>(reserve: &'a Reserve, entry: &AtomicU64) -> Option<&'a Node> {
    let value = entry.load(SeqCst);
    if value != 0 {
        return child(reserve, value).map(|(_, node)| node);
    }
    let fresh = reserve.take()?;
    let link = u64::from(fresh).wrapping_add(1);
    match entry.compare_exchange(0, link, SeqCst, SeqCst) {
        Ok(_) => reserve.get(fresh),
        Err(winner) => {
            reserve.give(fresh);
            child(reserve, winner).map(|(_, node)| node)
        }
    }
}

/// The leaf of an entry, made if it has none; nothing if the entry is (now) [`ALL`].
fn leaf_of<'a>(reserve: &'a Reserve, entry: &AtomicU64) -> Option<(u32, &'a Node)> {
    let mut value = entry.load(SeqCst);
    if value == ALL {
        // What was stored before this mark must be visible before ALL is believed: a collector
        // that takes ALL later then flushes it.
        fence(SeqCst);
        value = entry.load(SeqCst);
    }
    if value != 0 {
        return child(reserve, value);
    }
    let Some(fresh) = reserve.take() else {
        let seen = entry.compare_exchange(0, ALL, SeqCst, SeqCst).err()?;
        return child(reserve, seen);
    };
    let link = u64::from(fresh).wrapping_add(1);
    match entry.compare_exchange(0, link, SeqCst, SeqCst) {
        Ok(_) => Some((fresh, reserve.get(fresh)?)),
        Err(winner) => {
            reserve.give(fresh);
            child(reserve, winner)
        }
    }
}

/// Marks in a leaf unless it is being given back or has been.
fn mark_pinned(entry: &AtomicU64, index: u32, leaf: &Node, lines: Range<u64>) -> bool {
    if !leaf.pin() {
        return false;
    }
    let still_there = entry.load(SeqCst) == u64::from(index).wrapping_add(1);
    if still_there {
        mark_words(leaf, lines.start, lines.end);
    }
    leaf.unpin();
    still_there
}

/// Sets the bits of lines `first..end` of one leaf, words before summaries.
fn mark_words(leaf: &Node, first: u64, end: u64) {
    let mut line = first;
    while line < end {
        let stop = (line | 63).saturating_add(1).min(end);
        let slot = (line / 64) as usize & (FANOUT - 1);
        let mask = (u64::MAX << (line % 64)) & (u64::MAX >> (stop.wrapping_neg() % 64));
        if let Some(word) = leaf.words.get(slot) {
            // Always a read-modify-write: it also makes what was stored before this mark visible
            // before any collector can take the bit.
            word.fetch_or(mask, SeqCst);
            set_summary(leaf, slot);
        }
        line = stop;
    }
}

/// Sets the summary bit of a slot, if it is not set (see "Why no mark is lost").
pub(super) fn set_summary(node: &Node, slot: usize) {
    let bit = 1_u64 << (slot % 64);
    if let Some(summary) = node.summary.get(slot / 64)
        && summary.load(SeqCst) & bit == 0
    {
        summary.fetch_or(bit, SeqCst);
    }
}

const _: () = assert!(LEAF_LINES == 1 << (6 + FANOUT_BITS));
