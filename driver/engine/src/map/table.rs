//! Tables: they lead to leaves, or to tables that do. A map allocates those that it needs and keeps
//! them, so that nobody on his way through them needs to look back.

use super::{LEAF_LINES, bits, slot::Slot};
use crate::{
    Reserve,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};
use alloc::{boxed::Box, vec::Vec};
use core::ops::Range;
use once_cell::race::OnceBox;

/// Places of a table.
const PLACES: usize = 512;
/// Places with a bit each in one word.
const ROW: usize = 64;
const WORDS: usize = PLACES / ROW;

/// What a marker finds at an offset: a slot, or what hangs a table.
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

/// What hangs a table, of which there is none at first.
pub(super) struct Hook<T> {
    places: OnceBox<[T; PLACES]>,
    /// Which places may have something dirty below; there before they are.
    dirty: OnceBox<[AtomicU64; WORDS]>,
}

/// Counts the bytes of tables as they come: in the reserve, which limits them, and in the map.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub reserve: &'a Reserve,
    pub bytes: &'a AtomicU32,
}

/// A row of a table's places: those that share a word of bits.
pub(super) struct Row<'a, T> {
    pub places: &'a [T; ROW],
    pub dirty: &'a AtomicU64,
    /// The first line below it.
    pub first: u64,
}

impl<T> Hook<T> {
    const BYTES: u32 = size_of::<([T; PLACES], [AtomicU64; WORDS])>() as u32;

    pub const fn new() -> Self {
        Self {
            places: OnceBox::new(),
            dirty: OnceBox::new(),
        }
    }
}

impl<T: Place> Hook<T> {
    /// Lines of file below a row.
    const ROW_LINES: u64 = T::LINES.saturating_mul(ROW as u64);

    /// The rows of a table that begins at line `first`; if `dirty`, those that have a bit set.
    #[inline]
    pub fn rows(&self, first: u64, dirty: bool) -> impl Iterator<Item = Row<'_, T>> {
        let words = self.dirty.get().map_or(&[][..], |words| words);
        let places = self.places.get().map_or(&[][..], |places| places);
        let which = if dirty { set_words(words) } else { u64::MAX };
        bits(which & (u64::MAX >> (64 - WORDS))).filter_map(move |row| {
            let index = row as usize;
            Some(Row {
                places: places.get(index * ROW..)?.first_chunk()?,
                dirty: words.get(index)?,
                first: first.saturating_add(Self::ROW_LINES.saturating_mul(u64::from(row))),
            })
        })
    }

    #[inline]
    fn place(&self, leaf: u64) -> Option<&T> {
        self.places.get()?.get(Self::index(leaf))
    }

    #[inline]
    const fn index(leaf: u64) -> usize {
        (leaf / T::LEAVES) as usize % PLACES
    }

    /// Hangs a table; fails without memory.
    fn make(&self, tables: Tables<'_>) -> bool {
        if self.places.get().is_some() {
            return true;
        }
        if !tables.reserve.add_table(Self::BYTES) {
            return false;
        }
        let made = self.dirty.get().is_some() || boxed(|| AtomicU64::new(0), &self.dirty);
        if made && boxed(T::empty, &self.places) {
            tables.bytes.fetch_add(Self::BYTES, Relaxed);
        } else {
            tables.reserve.remove_tables(Self::BYTES);
        }
        self.places.get().is_some()
    }
}

/// Puts a new array into a box. Fails without memory, or if somebody else did meanwhile.
fn boxed<T, const N: usize>(new: impl FnMut() -> T, into: &OnceBox<[T; N]>) -> bool {
    let mut all = Vec::new();
    if all.try_reserve_exact(N).is_err() {
        return false;
    }
    all.resize_with(N, new);
    let array = <Box<[T; N]>>::try_from(all.into_boxed_slice());
    array.is_ok_and(|array| into.set(array).is_ok())
}

impl<T: Place> Place for Hook<T> {
    const LEAVES: u64 = T::LEAVES.saturating_mul(PLACES as u64);

    fn empty() -> Self {
        Self::new()
    }

    #[inline]
    fn slot(&self, leaf: u64) -> Option<&Slot> {
        self.place(leaf)?.slot(leaf)
    }

    fn make_slot(&self, leaf: u64, tables: Tables<'_>) -> Option<&Slot> {
        if !self.make(tables) {
            return None;
        }
        self.place(leaf)?.make_slot(leaf, tables)
    }

    fn set_dirty(&self, leaf: u64) {
        if let Some(below) = self.place(leaf) {
            below.set_dirty(leaf);
        }
        let index = Self::index(leaf);
        let word = self.dirty.get().and_then(|dirty| dirty.get(index / ROW));
        if let Some(word) = word {
            set_bit(word, index % ROW);
        }
    }

    fn is_dirty(&self) -> bool {
        let dirty = |word: &AtomicU64| word.load(SeqCst) != 0;
        self.dirty
            .get()
            .is_some_and(|words| words.iter().any(dirty))
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

impl<T: Place> Row<'_, T> {
    /// The first line below a place.
    #[inline]
    pub fn first_of(&self, place: u32) -> u64 {
        self.first
            .saturating_add(u64::from(place).saturating_mul(T::LINES))
    }
}

/// Which words have a bit set. Found without a branch, as it cannot be predicted.
#[inline]
fn set_words(words: &[AtomicU64]) -> u64 {
    let set = words.iter().zip(0_u32..);
    set.fold(0, |mask, (word, bit)| {
        mask | u64::from(word.load(SeqCst) != 0) << bit
    })
}

/// Sets a bit, if it is not set.
pub(super) fn set_bit(word: &AtomicU64, bit: usize) {
    let bit = 1_u64 << (bit % 64);
    if word.load(SeqCst) & bit == 0 {
        word.fetch_or(bit, SeqCst);
    }
}

/// Which of 64 places, each of `span` lines from line `first` on, overlap `lines`.
#[inline]
pub(super) fn places_in(lines: &Range<u64>, first: u64, span: u64) -> u64 {
    let start = lines.start.saturating_sub(first) / span;
    let end = lines.end.saturating_sub(first).div_ceil(span).min(64);
    if start >= end {
        return 0;
    }
    (u64::MAX << start) & (u64::MAX >> 64_u64.saturating_sub(end))
}
