//! Counting what is dirty, without taking it.

use super::{
    DirtyMap, LEAF_LINES, LINE_SIZE, MAX_LINE, bits,
    slot::{Found, Slot},
};
use crate::{Reserve, reserve::GROUP, sync::Ordering::SeqCst};
use core::{borrow::Borrow, convert::Infallible, ops::Range};

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Whether no line is dirty. IRQL <= DISPATCH_LEVEL.
    pub fn is_clean(&self) -> bool {
        let all = 0..MAX_LINE;
        let clean = |slot: &Slot, first| {
            if self.dirty_at(slot.get(), first, &all) != 0 {
                Err(())
            } else {
                Ok(())
            }
        };
        !self.is_all_dirty() && self.each_slot(&all, true, clean).is_ok()
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
        let mut sum = 0_u64;
        let Ok(()) = self.each_slot(&lines, true, |slot, first| {
            sum = sum.saturating_add(self.dirty_at(slot.get(), first, &lines));
            Ok::<(), Infallible>(())
        });
        sum
    }

    /// How many of `lines` are dirty at a place that begins at line `first`.
    fn dirty_at(&self, found: Found, first: u64, lines: &Range<u64>) -> u64 {
        let end = first.saturating_add(LEAF_LINES).min(lines.end);
        let common = end.saturating_sub(first.max(lines.start));
        if found.is_all() || common == 0 {
            return common;
        }
        let leaf = self.reserve().leaf(found.number());
        let Some(leaf) = leaf.filter(|_| found.is_dirty()) else {
            return 0;
        };
        let mut sum = 0_u64;
        for group in bits(leaf.hint.load(SeqCst)) {
            let mut first = first.saturating_add(64 * GROUP as u64 * u64::from(group));
            let words = leaf.words.groups().get(group as usize);
            for word in words.into_iter().flatten() {
                let within = below_mask(first, lines.end) & !below_mask(first, lines.start);
                let dirty = word.load(SeqCst) & within;
                sum = sum.saturating_add(u64::from(dirty.count_ones()));
                first = first.saturating_add(64);
            }
        }
        sum
    }
}

/// The bits of a word at line `first` that are below line `end`.
const fn below_mask(first: u64, end: u64) -> u64 {
    match end.saturating_sub(first) {
        0 => 0,
        lines @ 1..64 => !(u64::MAX << lines),
        _ => u64::MAX,
    }
}
