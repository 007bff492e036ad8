//! What is done with a map, as an input says it.

use super::SPACE;
use arbitrary::Arbitrary;
use daxflush_engine::{LEAF_SPAN, LINE_SIZE};
use std::ops::Range;

#[derive(Arbitrary, Debug)]
pub enum Step {
    Mark(Place, Length),
    MarkAll,
    Clear(Place, Length),
    Commit(Place, Length, Failure),
    CommitAll(Failure),
    Count(Place, Length),
    Append(Place, Length),
    Scribble(u8, u64),
    Drain,
}

#[derive(Arbitrary, Debug)]
pub enum Place {
    Byte(u16),
    Line(u16),
    Page(u8),
    /// Before the border of two leaves.
    Border(u8),
}

#[derive(Arbitrary, Debug)]
pub enum Length {
    Bytes(u8),
    Lines(u8),
    Pages(u8),
    Leaf,
}

#[derive(Arbitrary, Debug, Default, Clone, Copy)]
pub struct Failure {
    /// The flush that fails, if below 4.
    pub flush: u8,
    pub drain: bool,
    /// Nothing fails, whatever the others say.
    pub none: bool,
}

impl Place {
    fn offset(&self) -> u64 {
        match self {
            Self::Byte(at) => u64::from(*at) * 61,
            Self::Line(at) => u64::from(*at) * LINE_SIZE,
            Self::Page(at) => u64::from(*at) * 4096,
            Self::Border(back) => LEAF_SPAN - u64::from(*back),
        }
    }
}

impl Length {
    fn bytes(&self) -> u64 {
        match self {
            Self::Bytes(count) => 1 + u64::from(*count),
            Self::Lines(count) => (1 + u64::from(*count)) * LINE_SIZE,
            Self::Pages(count) => (1 + u64::from(*count)) * 4096,
            Self::Leaf => LEAF_SPAN,
        }
    }
}

pub fn range(place: &Place, length: &Length) -> Range<u64> {
    let offset = place.offset().min(SPACE - 1);
    offset..(offset + length.bytes()).min(SPACE)
}
