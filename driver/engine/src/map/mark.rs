//! Marking: lock-free, without allocation, at any IRQL up to DISPATCH_LEVEL.

use super::{ALL, DirtyMap, FANOUT, FANOUT_BITS, LEAF_LINES, LEVELS, LINE_SIZE, MAX_LINE, Node};
use super::{Reserve, child, entry_lines};
use crate::sync::{AtomicU64, Ordering::SeqCst, fence, spin_loop};
use core::{borrow::Borrow, ops::Range};

/// A range that touches more leaves than this marks everything instead.
const MAX_LEAVES: u64 = 1 << 16;

/// How often a marker looks for a way whose nodes are not being given back: some tens of
/// microseconds, where closing a directory takes one or two.
const ATTEMPTS: u32 = 1000;

/// A node on the way is being given back.
struct Busy;

/// What an entry has below it.
enum Below<'a> {
    /// Everything is dirty.
    All,
    /// A node, by its index in the reserve.
    Node(u32, &'a Node),
}

/// The words on the way from the root to a leaf's entry, for setting their summary bits.
#[derive(Default)]
struct Path<'a> {
    /// Directory and slot, from the root down.
    steps: [Option<(&'a Node, usize)>; LEVELS as usize],
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Marks every line that overlaps `offset..offset + length` dirty.
    ///
    /// Where there is no memory for a node, all that it would cover becomes dirty: 2 MiB, or more
    /// further up; what lies beyond the map's reach makes everything dirty. IRQL <= DISPATCH_LEVEL.
    pub fn mark(&self, offset: u64, length: u64) {
        if length == 0 {
            return;
        }
        let first = offset / LINE_SIZE;
        let end = offset.saturating_add(length).div_ceil(LINE_SIZE);
        let leaves = (end.saturating_sub(first) / LEAF_LINES).saturating_add(1);
        if end > MAX_LINE || leaves > MAX_LEAVES {
            return self.mark_too_much();
        }
        let mut line = first;
        while line < end {
            let stop = (line | (LEAF_LINES - 1)).saturating_add(1).min(end);
            self.mark_in_leaf(line..stop);
            line = stop;
        }
    }

    /// Marks every line dirty, wherever the stream ends. IRQL <= DISPATCH_LEVEL.
    pub fn mark_all(&self) {
        // A read-modify-write, so that a collector who takes a later marker's flag sees what was
        // stored before this one too.
        self.everything.swap(true, SeqCst);
    }

    /// Marks lines that lie below one leaf's entry.
    fn mark_in_leaf(&self, lines: Range<u64>) {
        // Not for ever: this processor may have interrupted whoever gives a node back.
        let marked = (0..ATTEMPTS).any(|_| {
            let marked = self.try_mark(&lines).is_ok();
            if !marked {
                spin_loop();
            }
            marked
        });
        if !marked {
            self.mark_too_much();
        }
    }

    fn mark_too_much(&self) {
        self.reserve().note_coarse_mark();
        self.mark_all();
    }

    fn try_mark(&self, lines: &Range<u64>) -> Result<(), Busy> {
        let mut entry = &self.root;
        let mut path = Path::default();
        let mut levels = LEVELS;
        for step in &mut path.steps {
            let (index, directory) = match self.below(entry)? {
                Below::All => {
                    path.set_summaries();
                    return Ok(());
                }
                Below::Node(index, node) => (index, node),
            };
            let slot = (lines.start / entry_lines(levels)) as usize & (FANOUT - 1);
            let word = directory.words.get(slot).ok_or(Busy)?;
            *step = Some((directory, slot));
            levels = levels.saturating_sub(1);
            if levels == 0 {
                return self.mark_pinned((entry, index, directory), word, lines, &path);
            }
            entry = word;
        }
        Err(Busy)
    }

    /// Marks in a leaf, or its entry, while the directory above it cannot be given back.
    fn mark_pinned(
        &self,
        (link, index, directory): (&AtomicU64, u32, &Node),
        entry: &AtomicU64,
        lines: &Range<u64>,
        path: &Path<'_>,
    ) -> Result<(), Busy> {
        if !directory.pin() {
            return Err(Busy);
        }
        let linked = link.load(SeqCst) == u64::from(index).wrapping_add(1);
        let result = if linked {
            self.below(entry).map(|below| {
                if let Below::Node(_, leaf) = below {
                    mark_words(leaf, lines.start, lines.end);
                }
                path.set_summaries();
            })
        } else {
            Err(Busy)
        };
        directory.unpin();
        result
    }

    /// What an entry has below it: a node made now if it has nothing, or everything if there is no
    /// memory for one.
    fn below(&self, entry: &AtomicU64) -> Result<Below<'_>, Busy> {
        let mut value = entry.load(SeqCst);
        if value == ALL {
            // What was stored before this mark must be visible before ALL is believed: a collector
            // that takes ALL later then flushes it.
            fence(SeqCst);
            value = entry.load(SeqCst);
        }
        if value == 0 {
            let fresh = self.take();
            let link = fresh.map_or(ALL, |index| u64::from(index).wrapping_add(1));
            value = match entry.compare_exchange(0, link, SeqCst, SeqCst) {
                Ok(_) => {
                    if link == ALL {
                        self.reserve().note_coarse_mark();
                    }
                    link
                }
                Err(winner) => {
                    if let Some(index) = fresh {
                        self.give(index);
                    }
                    winner
                }
            };
        }
        if value == ALL {
            // Seen, or set, after a locked instruction or a fence of this processor.
            return Ok(Below::All);
        }
        child(self.reserve(), value)
            .map(|(index, node)| Below::Node(index, node))
            .ok_or(Busy)
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
