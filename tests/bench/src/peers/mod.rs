//! Who remembers which lines are dirty.

mod flat;
mod locked;
mod map;
mod sets;
#[cfg(test)]
mod tests;

pub use flat::Flat;
pub use locked::Locked;
pub use map::{Map, Sum};
pub use sets::{Blaze, Ranges, Roaring};

use daxflush_engine::LINE_SIZE;
use std::ops::Range;

/// Bytes that were stored, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    pub offset: u64,
    pub length: u64,
}

impl Store {
    pub const fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    pub const fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// The lines that it touches.
    #[inline]
    pub fn lines(&self) -> Range<u64> {
        self.offset / LINE_SIZE..self.end().div_ceil(LINE_SIZE)
    }
}

/// Records stores.
pub trait Recorder {
    fn record(&mut self, store: &Store);

    /// Forgets everything as after a commit, and keeps the memory.
    fn empty(&mut self);

    /// As new.
    fn renew(&mut self) {
        self.empty();
    }

    /// The dirty lines as maximal ranges in order; empties it.
    #[cfg(test)]
    fn take(&mut self) -> Vec<Range<u64>>;
}
