//! Tables: they lead to leaves, or to tables that do. A map allocates those that it needs and keeps
//! them, so that nobody on his way through them needs to look back.

use super::{bits, place::Place};
use crate::{
    Reserve,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};
use alloc::{boxed::Box, vec::Vec};
use once_cell::race::OnceBox;

/// Places of a table.
pub(super) const PLACES: u64 = 512;
/// Places with a bit each in one word.
const ROW: usize = 64;
const WORDS: usize = PLACES as usize / ROW;

/// What hangs a table, of which there is none at first.
pub(super) struct Hook<T> {
    places: OnceBox<[T; PLACES as usize]>,
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
    const BYTES: u32 = size_of::<([T; PLACES as usize], [AtomicU64; WORDS])>() as u32;

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

    /// The place that a leaf is below.
    #[inline]
    pub fn place(&self, leaf: u64) -> Option<&T> {
        self.places.get()?.get(Self::index(leaf))
    }

    #[inline]
    const fn index(leaf: u64) -> usize {
        (leaf / T::LEAVES % PLACES) as usize
    }

    /// Sets the bit of the place that a leaf is below.
    pub fn set_bit(&self, leaf: u64) {
        let index = Self::index(leaf);
        if let Some(word) = self.dirty.get().and_then(|words| words.get(index / ROW)) {
            set_bit(word, index % ROW);
        }
    }

    pub fn has_bits(&self) -> bool {
        self.dirty.get().is_some_and(|words| set_words(words) != 0)
    }

    /// Hangs a table if there is none, and memory for it.
    pub fn make(&self, tables: Tables<'_>) {
        if self.places.get().is_some() || !tables.reserve.add_table(Self::BYTES) {
            return;
        }
        let words = || AtomicU64::new(0);
        let has_bits = boxed(words, &self.dirty) || self.dirty.get().is_some();
        if has_bits && boxed(T::empty, &self.places) {
            tables.bytes.fetch_add(Self::BYTES, Relaxed);
        } else {
            tables.reserve.remove_tables(Self::BYTES);
        }
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
