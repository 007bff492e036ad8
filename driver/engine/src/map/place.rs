//! What a marker finds at an offset: a slot, or what hangs a table of them.

use super::{
    LEAF_LINES, bits,
    slot::Slot,
    table::{Hook, PLACES, Tables},
};
use crate::sync::Ordering::SeqCst;
use core::ops::Range;

/// A slot, or what hangs a table.
pub(super) trait Place: Sized {
    /// Leaves that may hang below it.
    const LEAVES: u64;
    /// Lines of file below it.
    const LINES: u64 = Self::LEAVES.saturating_mul(LEAF_LINES);

    fn empty() -> Self;

    /// The slot of a leaf, if the tables are there that lead to it.
    fn slot(&self, leaf: u64) -> Option<&Slot>;

    /// The slot of a leaf; allocates what is missing on the way. Nothing if it cannot.
    fn make_slot(&self, leaf: u64, tables: Tables<'_>) -> Option<&Slot>;

    /// Sets the bits that lead to a leaf's slot, from below.
    fn set_dirty(&self, leaf: u64);

    /// Whether something below it may be dirty.
    fn is_dirty(&self) -> bool;

    /// Passes on the slots below that overlap `lines`, or only those that bits lead to, each with its
    /// first line; this place's own is `first`.
    fn each<E>(
        &self,
        first: u64,
        lines: &Range<u64>,
        dirty: bool,
        pass: &mut impl FnMut(&Slot, u64) -> Result<(), E>,
    ) -> Result<(), E>;
}

impl Place for Slot {
    const LEAVES: u64 = 1;

    fn empty() -> Self {
        Self::new()
    }

    #[inline]
    fn slot(&self, _: u64) -> Option<&Slot> {
        Some(self)
    }

    fn make_slot(&self, _: u64, _: Tables<'_>) -> Option<&Slot> {
        Some(self)
    }

    fn set_dirty(&self, _: u64) {}

    #[inline]
    fn is_dirty(&self) -> bool {
        self.get().is_dirty()
    }

    fn each<E>(
        &self,
        first: u64,
        _: &Range<u64>,
        _: bool,
        pass: &mut impl FnMut(&Slot, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        pass(self, first)
    }
}

impl<T: Place> Place for Hook<T> {
    const LEAVES: u64 = T::LEAVES.saturating_mul(PLACES);

    fn empty() -> Self {
        Self::new()
    }

    #[inline]
    fn slot(&self, leaf: u64) -> Option<&Slot> {
        self.place(leaf)?.slot(leaf)
    }

    fn make_slot(&self, leaf: u64, tables: Tables<'_>) -> Option<&Slot> {
        self.make(tables);
        self.place(leaf)?.make_slot(leaf, tables)
    }

    fn set_dirty(&self, leaf: u64) {
        if let Some(below) = self.place(leaf) {
            below.set_dirty(leaf);
        }
        self.set_bit(leaf);
    }

    fn is_dirty(&self) -> bool {
        self.has_bits()
    }

    fn each<E>(
        &self,
        first: u64,
        lines: &Range<u64>,
        dirty: bool,
        pass: &mut impl FnMut(&Slot, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for row in self.rows(first, dirty) {
            let within = places_in(lines, row.first, T::LINES);
            let among = if dirty {
                row.dirty.load(SeqCst)
            } else {
                u64::MAX
            };
            for place in bits(among & within) {
                if let Some(below) = row.places.get(place as usize) {
                    let first = row.first_of(place);
                    below.each(first, lines, dirty, pass)?;
                }
            }
        }
        Ok(())
    }
}

/// Which of 64 in a row, each of `span` lines from line `first` on, overlap `lines`.
#[inline]
pub(super) fn places_in(lines: &Range<u64>, first: u64, span: u64) -> u64 {
    let start = lines.start.saturating_sub(first) / span;
    let end = lines.end.saturating_sub(first).div_ceil(span).min(64);
    if start >= end {
        return 0;
    }
    (u64::MAX << start) & (u64::MAX >> 64_u64.saturating_sub(end))
}
