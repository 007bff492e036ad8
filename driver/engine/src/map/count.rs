//! Counting what is dirty, without taking it.

use super::{DirtyMap, LEAF_LINES, LINE_SIZE, MAX_LINE, MAX_OFFSET, bits, entry_lines};
use crate::{
    Reserve,
    reserve::{GROUP, Leaf, Link},
    sync::{AtomicU64, Ordering::SeqCst},
};
use core::{borrow::Borrow, ops::Range};

impl<R: Borrow<Reserve>> DirtyMap<R> {
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
        if self.is_all_dirty() {
            return end.saturating_sub(lines.start);
        }
        self.tops().fold(0, |sum, top| {
            let lines = top.own.start.max(lines.start)..top.own.end.min(lines.end);
            let below = entry_below(self.reserve(), top.entry, top.height, top.start, &lines);
            sum.saturating_add(below)
        })
    }
}

/// Dirty lines below an entry that starts at line `start`, among `lines`. The depth of recursion is the
/// height.
fn entry_below(
    reserve: &Reserve,
    entry: &AtomicU64,
    height: u32,
    start: u64,
    lines: &Range<u64>,
) -> u64 {
    let Some(below) = height.checked_sub(1) else {
        return leaf_below(reserve, entry, start, lines);
    };
    let link = Link(entry.load(SeqCst));
    let Some((_, directory)) = reserve.directory(link) else {
        return if link == Link::ALL {
            common(start, height, lines)
        } else {
            0
        };
    };
    if common(start, height, lines) == 0 {
        return 0;
    }
    bits(directory.state.summary.load(SeqCst)).fold(0, |sum, slot| {
        let start = start.saturating_add(entry_lines(below).saturating_mul(u64::from(slot)));
        let entry = directory.entries.get(slot as usize);
        let count = entry.map_or(0, |entry| entry_below(reserve, entry, below, start, lines));
        sum.saturating_add(count)
    })
}

fn leaf_below(reserve: &Reserve, entry: &AtomicU64, start: u64, lines: &Range<u64>) -> u64 {
    let link = Link(entry.load(SeqCst));
    match reserve.leaf(link) {
        Some((_, leaf)) => dirty_in(&leaf, start, lines),
        None if link == Link::ALL => common(start, 0, lines),
        None => 0,
    }
}

/// How many of `lines` are below an entry at line `start`.
fn common(start: u64, height: u32, lines: &Range<u64>) -> u64 {
    let end = start.saturating_add(entry_lines(height)).min(lines.end);
    end.saturating_sub(start.max(lines.start))
}

fn dirty_in(leaf: &Leaf<'_>, start: u64, lines: &Range<u64>) -> u64 {
    if start >= lines.end || start.saturating_add(LEAF_LINES) <= lines.start {
        return 0;
    }
    bits(u64::from(leaf.state.get().summary())).fold(0, |sum, group| {
        let slot = group as usize * GROUP;
        let words = leaf.words.iter().skip(slot).take(GROUP);
        words.zip(slot as u64..).fold(sum, |sum, (word, slot)| {
            let first = start.saturating_add(slot.saturating_mul(64));
            let within = below_mask(first, lines.end) & !below_mask(first, lines.start);
            let dirty = word.load(SeqCst) & within;
            sum.saturating_add(u64::from(dirty.count_ones()))
        })
    })
}

/// The bits of a word at line `first` that are below line `end`.
const fn below_mask(first: u64, end: u64) -> u64 {
    match end.saturating_sub(first) {
        0 => 0,
        lines @ 1..64 => !(u64::MAX << lines),
        _ => u64::MAX,
    }
}
