//! Sets of other crates.

use super::{Recorder, Store};
use range_set_blaze::RangeSetBlaze;
use rangemap::RangeSet;
use roaring::RoaringBitmap;

#[derive(Default)]
pub struct Ranges(RangeSet<u64>);

impl Recorder for Ranges {
    #[inline]
    fn record(&mut self, store: &Store) {
        self.0.insert(store.lines());
    }

    fn empty(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<std::ops::Range<u64>> {
        let ranges = self.0.iter().cloned().collect();
        self.empty();
        ranges
    }
}

/// For files of up to 256 GiB, because its numbers have 32 bits.
#[derive(Default)]
pub struct Roaring(RoaringBitmap);

impl Recorder for Roaring {
    #[inline]
    fn record(&mut self, store: &Store) {
        let lines = store.lines();
        self.0.insert_range(lines.start as u32..lines.end as u32);
    }

    fn empty(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<std::ops::Range<u64>> {
        let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
        for line in self.0.iter().map(u64::from) {
            match ranges.last_mut() {
                Some(last) if last.end == line => last.end += 1,
                _ => ranges.push(line..line + 1),
            }
        }
        self.empty();
        ranges
    }
}

#[derive(Default)]
pub struct Blaze(RangeSetBlaze<u64>);

impl Recorder for Blaze {
    #[inline]
    fn record(&mut self, store: &Store) {
        let lines = store.lines();
        self.0.ranges_insert(lines.start..=lines.end - 1);
    }

    fn empty(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<std::ops::Range<u64>> {
        let ranges = self
            .0
            .ranges()
            .map(|range| *range.start()..range.end() + 1)
            .collect();
        self.empty();
        ranges
    }
}
