//! The nodes of dirty maps. What a walk passes through has the size of a power of two; the rest of a
//! node is kept apart from it, close to that of others.

use super::pool::{Next, Pooled};
use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// Words of a leaf.
pub(crate) const LEAF_WORDS: usize = if cfg!(feature = "model") { 64 } else { 512 };
/// Words of a leaf for each bit of its summary.
pub(crate) const GROUP: usize = LEAF_WORDS / 32;
/// Entries of a directory: one for each bit of its summary.
pub(crate) const FANOUT: usize = 64;

/// The bit of [`DirectoryState::pins`] that keeps out whoever would make something below it.
const CLOSED: u32 = 1 << 31;

/// What an entry says of what is below it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(pub u64);

impl Link {
    /// Nothing is dirty below.
    pub const NONE: Self = Self(0);
    /// Everything is dirty below.
    pub const ALL: Self = Self(u64::MAX);

    #[inline]
    pub fn to(index: u32) -> Self {
        Self(u64::from(index).wrapping_add(1))
    }

    /// The index of the node, if it is one.
    #[inline]
    pub fn index(self) -> Option<u32> {
        (self.0 as u32).checked_sub(1)
    }
}

/// The words of a leaf, of 64 lines each.
pub(crate) type Words = [AtomicU64; LEAF_WORDS];
/// The entries of a directory, for leaves or for directories.
pub(crate) type Entries = [AtomicU64; FANOUT];

/// The state of a leaf as it was found: `[ generation : 32 | summary : 32 ]`. Bit `i` of the summary
/// is set if one of the words from `i * GROUP` on may be dirty. A collector who comes to a leaf begins
/// another generation of it: a mark that was under way then does not count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(u64);

impl State {
    #[inline]
    pub fn summary(self) -> u32 {
        self.0 as u32
    }

    /// Whether this is the same generation.
    #[inline]
    pub fn is_of(self, found: Self) -> bool {
        self.generation() == found.generation()
    }

    #[inline]
    fn generation(self) -> u64 {
        self.0 >> 32
    }

    #[inline]
    fn with_summary(self, summary: u32) -> Self {
        Self(self.generation() << 32 | u64::from(summary))
    }

    #[inline]
    fn next(self, summary: u32) -> Self {
        Self((self.0 >> 32).wrapping_add(1) << 32 | u64::from(summary))
    }
}

/// What there is of a leaf beside its words.
#[derive(Default)]
pub(crate) struct LeafState {
    state: AtomicU64,
    next: Next,
}

impl LeafState {
    #[inline]
    pub fn get(&self) -> State {
        State(self.state.load(SeqCst))
    }

    /// Sets bits of the summary, if the leaf is in the generation of `found` still.
    #[inline]
    pub fn add_summary(&self, found: State, bits: u32) -> bool {
        let add = |state| {
            let state = State(state);
            state
                .is_of(found)
                .then(|| state.with_summary(state.summary() | bits).0)
        };
        self.state.fetch_update(SeqCst, SeqCst, add).is_ok()
    }

    /// Begins a generation without the bits of `taken` in its summary. Returns those that were set. For
    /// the one collector.
    #[inline]
    pub fn begin(&self, taken: u32) -> u32 {
        let begin = |state| Some(State(state).next(State(state).summary() & !taken).0);
        let before = self.state.fetch_update(SeqCst, SeqCst, begin);
        before.map_or(0, |state| State(state).summary() & taken)
    }

    /// As [`Self::begin`] with all bits, for a leaf that is linked nowhere any more.
    #[inline]
    pub fn take(&self) -> u32 {
        let next = State(self.state.load(Relaxed)).next(0);
        State(self.state.swap(next.0, SeqCst)).summary()
    }

    /// Sets bits of the summary. For the one collector.
    pub fn set_summary(&self, bits: u32) {
        self.state.fetch_or(u64::from(bits), SeqCst);
    }
}

/// A leaf.
#[derive(Clone, Copy)]
pub(crate) struct Leaf<'a> {
    pub words: &'a Words,
    pub state: &'a LeafState,
}

impl Leaf<'_> {
    pub fn wipe(&self) {
        for word in self.words {
            word.store(0, Relaxed);
        }
    }
}

/// What there is of a directory beside its entries.
pub(crate) struct DirectoryState {
    /// Bit `i` is set if something below entry `i` may be dirty.
    pub summary: AtomicU64,
    /// Those who need it where it is, and [`CLOSED`]. One that comes with a link that is out of date is
    /// counted for a moment too, also while the directory is free or used elsewhere.
    pins: AtomicU32,
    next: Next,
}

impl Default for DirectoryState {
    fn default() -> Self {
        Self {
            summary: AtomicU64::new(0),
            pins: AtomicU32::new(CLOSED),
            next: Next::default(),
        }
    }
}

impl DirectoryState {
    /// Keeps the directory from being given back until [`Self::unpin`]; fails if that is under way.
    pub fn pin(&self) -> bool {
        let open = self.pins.fetch_add(1, SeqCst) & CLOSED == 0;
        if !open {
            self.unpin();
        }
        open
    }

    pub fn unpin(&self) {
        self.pins.fetch_sub(1, SeqCst);
    }

    /// Keeps others from pinning it, unless somebody has.
    pub fn close(&self) -> bool {
        let pins = &self.pins;
        pins.compare_exchange(0, CLOSED, SeqCst, SeqCst).is_ok()
    }

    /// Closes a directory that nobody can have pinned, but for those who are out of date.
    pub fn shut(&self) {
        self.pins.fetch_or(CLOSED, SeqCst);
    }

    pub fn open(&self) {
        self.pins.fetch_and(!CLOSED, SeqCst);
    }
}

/// A directory.
#[derive(Clone, Copy)]
pub(crate) struct Directory<'a> {
    pub entries: &'a Entries,
    pub state: &'a DirectoryState,
}

impl Directory<'_> {
    /// Whether there is nothing below it.
    pub fn is_empty(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|entry| entry.load(SeqCst) == Link::NONE.0)
    }

    pub fn wipe(&self) {
        for word in self.entries {
            word.store(0, Relaxed);
        }
        self.state.summary.store(0, Relaxed);
    }
}

impl Pooled for LeafState {
    fn next(&self) -> &Next {
        &self.next
    }
}

impl Pooled for DirectoryState {
    fn next(&self) -> &Next {
        &self.next
    }
}
