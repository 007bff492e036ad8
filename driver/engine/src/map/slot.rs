//! The place of a leaf: one word, so that all that is said of the leaf is said at once.

use crate::sync::{AtomicU64, Ordering::SeqCst};

/// `[ generation : 32 | number of the leaf : 31 | dirty : 1 ]`.
///
/// A collector who comes to the place begins another generation: a mark that was under way then does
/// not count.
pub(super) struct Slot(AtomicU64);

/// What a slot said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Found(u64);

const DIRTY: u64 = 1;
/// In place of a leaf's number: there is none, or all is dirty.
const EMPTY: u32 = u32::MAX >> 1;
const ALL: u32 = EMPTY - 1;

impl Found {
    /// The number of the leaf; one that no leaf has if there is none.
    #[inline]
    pub fn number(self) -> u32 {
        self.0 as u32 >> 1
    }

    #[inline]
    pub fn leaf(self) -> Option<u32> {
        (!self.is_empty() && !self.is_all()).then(|| self.number())
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.number() == EMPTY
    }

    #[inline]
    pub fn is_all(self) -> bool {
        self.number() == ALL
    }

    /// Whether something is dirty, but for marks under way.
    #[inline]
    pub fn is_dirty(self) -> bool {
        self.0 & DIRTY != 0
    }

    /// Whether this is the same leaf in the same generation.
    #[inline]
    pub fn is_of(self, found: Self) -> bool {
        (self.0 ^ found.0) & !DIRTY == 0
    }

    #[inline]
    const fn with(self, number: u32, dirty: u64) -> Self {
        Self(self.0 >> 32 << 32 | (number as u64) << 1 | dirty)
    }

    /// The next generation, with a leaf that is called clean.
    #[inline]
    const fn next(self, number: u32) -> Self {
        Self(self.0.wrapping_add(1 << 32)).with(number, 0)
    }
}

impl Slot {
    pub const fn new() -> Self {
        Self(AtomicU64::new(Found(0).with(EMPTY, 0).0))
    }

    #[inline]
    pub fn get(&self) -> Found {
        Found(self.0.load(SeqCst))
    }

    /// Puts a leaf into the place, if it was found empty and is as it was found.
    pub fn put(&self, found: Found, leaf: u32, dirty: bool) -> bool {
        found.is_empty() && self.change(found, found.with(leaf, u64::from(dirty)))
    }

    /// Says that all is dirty, if the place was found empty and is as it was found.
    pub fn put_all(&self, found: Found) -> bool {
        found.is_empty() && self.change(found, found.with(ALL, DIRTY))
    }

    /// Says that the leaf is dirty, if the place is as it was found.
    #[inline]
    pub fn add_dirty(&self, found: Found) -> bool {
        self.change(found, Found(found.0 | DIRTY))
    }

    #[inline]
    fn change(&self, found: Found, new: Found) -> bool {
        let slot = &self.0;
        slot.compare_exchange(found.0, new.0, SeqCst, SeqCst)
            .is_ok()
    }

    /// Takes what is in the place out of it, for the one collector.
    #[inline]
    pub fn take(&self) -> Found {
        let next = self.get().next(EMPTY);
        Found(self.0.swap(next.0, SeqCst))
    }

    /// Calls the leaf clean, in another generation. For the one collector.
    pub fn begin(&self, another: bool) {
        let found = self.get();
        let clean = if another {
            found.next(found.number())
        } else {
            found.with(found.number(), 0)
        };
        self.0.swap(clean.0, SeqCst);
    }

    /// Says that the leaf is dirty. For the one collector, while it is in its place.
    pub fn set_dirty(&self) {
        self.0.fetch_or(DIRTY, SeqCst);
    }
}
