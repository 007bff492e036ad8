//! What the driver can know of a mapped file.

use super::LINE;
use crate::mapped::Mapped;
use std::collections::BTreeSet;

const PAGE: u64 = 4096;

/// The stores through a view, as far as the way of recording tells the driver of them.
#[derive(Clone, Debug)]
pub(super) struct View {
    mapped: Mapped,
    /// Whether the driver has been told that stores will be recorded.
    announced: bool,
    overflowed: bool,
    /// Pages stored to since the last commit.
    pages: BTreeSet<u64>,
}

/// Which lines the driver takes for dirty.
pub(super) enum Seen {
    /// Those that are.
    Exactly,
    /// These, as far as they are within the file.
    Lines(BTreeSet<u64>),
    /// The whole file.
    All,
}

impl View {
    pub fn new(mapped: Mapped) -> Self {
        Self {
            mapped,
            announced: mapped == Mapped::Log,
            overflowed: false,
            pages: BTreeSet::new(),
        }
    }

    pub fn store(&mut self, offset: u64, length: u64) {
        // Its range, or page, is reported before the next commit.
        self.announced = self.mapped != Mapped::Conservative;
        if self.mapped == Mapped::Faults {
            self.pages
                .extend(offset / PAGE..(offset + length).div_ceil(PAGE));
        }
    }

    pub fn overflow(&mut self) {
        self.overflowed = true;
    }

    pub fn commit(&mut self) {
        self.overflowed = false;
        self.pages.clear();
    }

    pub fn lines(&self, dirty: &BTreeSet<u64>) -> Seen {
        if !self.announced || self.overflowed {
            return Seen::All;
        }
        if self.pages.is_empty() {
            return Seen::Exactly;
        }
        let of_page = |page: &u64| page * (PAGE / LINE)..(page + 1) * (PAGE / LINE);
        let mut lines = dirty.clone();
        lines.extend(self.pages.iter().flat_map(of_page));
        Seen::Lines(lines)
    }
}
