//! The leaves of dirty maps.

use crate::sync::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// Words of a leaf, of 64 lines each.
pub(crate) const LEAF_WORDS: usize = if cfg!(feature = "model") { 128 } else { 512 };
/// Words of a leaf for each bit of its hint: a cache line.
pub(crate) const GROUP: usize = LEAF_WORDS / 64;

/// The words of a leaf, from the start of a cache line: a kernel's pool puts what is as large as this
/// at the start of a page, and its allocator knows no alignment; others have to be told.
#[cfg_attr(not(windows), repr(align(64)))]
pub(crate) struct Words(pub [AtomicU64; LEAF_WORDS]);

impl Words {
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; LEAF_WORDS])
    }

    #[inline]
    pub fn groups(&self) -> &[[AtomicU64; GROUP]] {
        self.0.as_chunks().0
    }
}

/// A leaf. Bit `i` of the hint is set if one of the words from `i * GROUP` on may be dirty.
#[derive(Clone, Copy)]
pub(crate) struct Leaf<'a> {
    pub words: &'a Words,
    pub hint: &'a AtomicU64,
}

impl Leaf<'_> {
    /// Sets bits of a word, and of the hint.
    #[inline]
    pub fn mark_word(&self, word: usize, mask: u64) {
        if let Some(word) = self.words.0.get(word) {
            set(word, mask);
        }
        self.mark_hint(1 << (word / GROUP % 64));
    }

    /// Sets the bits of lines `first..=last` of the leaf, of two or more words.
    pub fn mark_lines(&self, first: usize, last: usize) {
        let words = self.words.0.get(first / 64..=last / 64);
        if let Some([head, between @ .., tail]) = words {
            set(head, u64::MAX << (first % 64));
            for word in between {
                set(word, u64::MAX);
            }
            set(tail, u64::MAX >> (63 - last % 64));
            let group = |line: usize| line / 64 / GROUP % 64;
            self.mark_hint(u64::MAX << group(first) & u64::MAX >> (63 - group(last)));
        }
    }

    /// After the words: whoever clears the hint looks at them later.
    #[inline]
    fn mark_hint(&self, groups: u64) {
        if self.hint.load(SeqCst) & groups != groups {
            self.hint.fetch_or(groups, SeqCst);
        }
    }

    /// Forgets everything.
    pub fn wipe(&self) {
        let words = self.words.0.iter().chain([self.hint]);
        words.for_each(|word| word.store(0, Relaxed));
    }
}

/// Always a read-modify-write: it also makes what was stored before this mark visible before any
/// collector can take the bits.
#[inline]
fn set(word: &AtomicU64, mask: u64) {
    word.fetch_or(mask, SeqCst);
}
