//! The dirty map: a radix tree of bits, one for each line.
//!
//! ```text
//! root ── directory ── directory ── leaf ── word ── bit
//! 512 GiB·512   1 GiB·512    2 MiB·512   4 KiB·512  64 B
//! ```
//! Entries are 0 (clean), `ALL` (everything below is dirty), or index + 1 of a node. Clean leaves
//! and the directories above them are given back when nodes are scarce (`reclaim.rs`).
//!
//! # Why no mark is lost
//! All orderings are SeqCst. A marker sets the word, then the summary bits from the leaf up,
//! leaving out a bit that it sees set. A collector clears summary bits from the root down, then
//! swaps the word. If the marker saw a summary bit set, the collector's clearing of it comes
//! later, and its swap later still, and so finds the word. If the marker set the bit itself, a
//! later collection finds it. A word is thus never left marked without a path of bits to it.

mod clear;
mod collect;
mod mark;
mod reclaim;

pub(crate) use collect::{Sink, collect};

use crate::{
    Reserve,
    reserve::{FANOUT, Node},
    run::{LINE_SIZE, MAX_OFFSET},
    sync::{
        AtomicBool, AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};
use core::{borrow::Borrow, ops::Range};

/// Levels of directories above the leaves.
const LEVELS: u32 = 3;
/// log2 of [`FANOUT`].
const FANOUT_BITS: u32 = FANOUT.trailing_zeros();
/// Lines of file that one leaf covers.
const LEAF_LINES: u64 = (FANOUT * 64) as u64;
/// Lines of file that a map covers.
const MAX_LINE: u64 = MAX_OFFSET / LINE_SIZE;

/// The entry under which everything is dirty.
const ALL: u64 = u64::MAX;

/// The dirty lines of one stream. `R` reaches the reserve that its nodes come from.
pub struct DirtyMap<R: Borrow<Reserve>> {
    reserve: R,
    /// Every line is dirty, wherever the stream ends.
    everything: AtomicBool,
    /// The root's entry.
    root: AtomicU64,
    /// Nodes taken from the reserve.
    nodes: AtomicU32,
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// An empty map; takes no node.
    pub const fn new(reserve: R) -> Self {
        Self {
            reserve,
            everything: AtomicBool::new(false),
            root: AtomicU64::new(0),
            nodes: AtomicU32::new(0),
        }
    }

    /// Whether no line is dirty. IRQL <= DISPATCH_LEVEL.
    pub fn is_clean(&self) -> bool {
        self.dirty_lines(MAX_OFFSET) == 0
    }

    /// Number of dirty lines of a stream of `end` bytes.
    pub fn dirty_lines(&self, end: u64) -> u64 {
        self.dirty_lines_in(0..end)
    }

    /// Number of dirty lines among those that overlap `bytes`.
    pub fn dirty_lines_in(&self, bytes: Range<u64>) -> u64 {
        let end = bytes.end.div_ceil(LINE_SIZE).min(MAX_LINE);
        let lines = bytes.start / LINE_SIZE..end;
        if self.everything.load(SeqCst) {
            return end.saturating_sub(lines.start);
        }
        count(self.reserve(), self.root.load(SeqCst), LEVELS, 0, &lines)
    }

    /// Whether every line is dirty, wherever the stream ends.
    pub fn is_all_dirty(&self) -> bool {
        self.everything.load(SeqCst)
    }

    /// Nodes of the reserve that this map has.
    pub fn nodes(&self) -> u32 {
        self.nodes.load(Relaxed)
    }

    fn reserve(&self) -> &Reserve {
        self.reserve.borrow()
    }

    /// Takes a node, if the reserve and this map's share of it have one left.
    fn take(&self) -> Option<u32> {
        let share = self.reserve().share_of_one_map();
        let index = if self.nodes.fetch_add(1, Relaxed) < share {
            self.reserve().take()
        } else {
            None
        };
        if index.is_none() {
            self.nodes.fetch_sub(1, Relaxed);
        }
        index
    }

    fn give(&self, index: u32) {
        self.reserve().give(index);
        self.nodes.fetch_sub(1, Relaxed);
    }
}

impl<R: Borrow<Reserve>> Drop for DirtyMap<R> {
    fn drop(&mut self) {
        give_back(self.reserve.borrow(), *self.root.get_mut(), LEVELS);
    }
}

/// Lines of file below one entry of a directory `levels` above the leaves (0: of a leaf's word).
const fn entry_lines(levels: u32) -> u64 {
    64 << (FANOUT_BITS * levels)
}

/// The node of an entry, if it has one.
fn child(reserve: &Reserve, entry: u64) -> Option<(u32, &Node)> {
    if entry == ALL {
        return None;
    }
    let index = u32::try_from(entry.checked_sub(1)?).ok()?;
    Some((index, reserve.get(index)?))
}

/// Dirty lines below an entry that starts at line `start`, among `lines`. The depth of recursion is
/// the height of the tree.
fn count(reserve: &Reserve, entry: u64, levels: u32, start: u64, lines: &Range<u64>) -> u64 {
    let span = entry_lines(levels).saturating_mul(FANOUT as u64);
    let first = start.max(lines.start);
    let end = start.saturating_add(span).min(lines.end);
    if first >= end || entry == 0 {
        return 0;
    }
    let Some((_, node)) = child(reserve, entry) else {
        return end.saturating_sub(first);
    };
    let mut sum = 0_u64;
    for (slot, word) in dirty_words(node) {
        let first = start.saturating_add(entry_lines(levels).saturating_mul(slot as u64));
        let value = word.load(SeqCst);
        let below = match levels.checked_sub(1) {
            Some(levels) => count(reserve, value, levels, first, lines),
            None => {
                let before = below_mask(first, lines.start);
                u64::from((value & below_mask(first, lines.end) & !before).count_ones())
            }
        };
        sum = sum.saturating_add(below);
    }
    sum
}

/// The bits of a word at line `first` that are below line `end`.
const fn below_mask(first: u64, end: u64) -> u64 {
    match end.saturating_sub(first) {
        0 => 0,
        lines @ 1..64 => !(u64::MAX << lines),
        _ => u64::MAX,
    }
}

/// The words that a node's summary names.
fn dirty_words(node: &Node) -> impl Iterator<Item = (usize, &AtomicU64)> {
    node.summary
        .iter()
        .enumerate()
        .flat_map(move |(group, summary)| {
            bits(summary.load(SeqCst)).filter_map(move |bit| {
                let slot = group * 64 + bit as usize;
                Some((slot, node.words.get(slot)?))
            })
        })
}

/// Numbers of the set bits, from the lowest.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros());
        word &= word.wrapping_sub(1);
        bit
    })
}

fn give_back(reserve: &Reserve, entry: u64, levels: u32) {
    let Some((index, node)) = child(reserve, entry) else {
        return;
    };
    if let Some(below) = levels.checked_sub(1) {
        for word in &node.words {
            give_back(reserve, word.load(SeqCst), below);
        }
    }
    reserve.give(index);
}
