//! The dirty map: a bit for each line, in leaves that directories lead to, much as blocks hang from
//! an inode.
//!
//! ```text
//! direct[8] ──────────────────────────── leaf ── word ── bit      the first 16 MiB
//! single[16] ── directory ────────────── leaf                     up to 2 GiB
//! double ── directory ── directory ───── leaf                     up to 8 GiB
//! ... three, four directories ...
//! quintuple ── five directories ──────── leaf                     up to 256 TiB
//! ```
//! Entries are [`Link`]s: none, all dirty below, or a node. When nodes are scarce, clean leaves and
//! empty directories are given back (`reclaim.rs`).
//!
//! # Why no mark is lost
//! All of it is SeqCst unless it says why not.
//!
//! *A mark that counts is in its leaf.* A marker finds the leaf, reads its state, looks from the leaf
//! up whether each entry on the way is as it was, sets the words, and looks at the state again. If the
//! leaf is in the same generation, it hung in its place when its words were set, or whoever takes it
//! out has not read them yet: a leaf that is taken out of a place begins a generation before its words
//! are read, and a directory goes only when nothing hangs below it. Else the marker starts again.
//!
//! *A leaf with a summary is found.* If the second look shows its bits in the summary, the mark is
//! done. If not, the marker sets the bits of the directories from the leaf up, leaving out those that
//! it sees set (all of them, if the leaf has any bit), and last the leaf's own, if its generation is
//! still the same. A collector clears the
//! bits from the root down, and begins a generation of each leaf that a bit leads him to. So when a
//! leaf's bit is set, either the bits above are set, or the collector that cleared one of them after
//! its marker saw it is still on his way to this leaf: he will find the bit below it, which was set
//! earlier, and had he been at the leaf already, its generation would be another.
//!
//! A marker that comes too late may set a bit in a leaf that is used elsewhere by then: one clean line
//! is flushed then for nothing.

mod ahead;
mod clear;
mod collect;
mod count;
mod mark;
mod reclaim;
mod way;

pub(crate) use ahead::Ahead;
pub(crate) use collect::{Sink, collect};

use crate::{
    Reserve,
    reserve::{FANOUT, LEAF_WORDS, Link},
    run::{LINE_SIZE, MAX_OFFSET},
    sync::{
        AtomicBool, AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};
use core::{borrow::Borrow, convert::Infallible, ops::Range};

/// Leaves at the start of the stream that hang from the map itself.
const DIRECT: usize = 8;
/// Directories of leaves that hang from the map itself.
const SINGLE: usize = 16;
/// Entries with two and more directories between them and the leaves.
const ROOTS: usize = 4;
/// Directories on the longest way to a leaf.
const MAX_HEIGHT: usize = ROOTS + 1;
/// log2 of [`FANOUT`].
const FANOUT_BITS: u32 = FANOUT.trailing_zeros();
/// Lines of file that one leaf covers.
const LEAF_LINES: u64 = (LEAF_WORDS * 64) as u64;
/// Lines of file that a map covers.
const MAX_LINE: u64 = MAX_OFFSET / LINE_SIZE;

/// The dirty lines of one stream. `R` reaches the reserve that its nodes come from.
pub struct DirtyMap<R: Borrow<Reserve>> {
    reserve: R,
    direct: [AtomicU64; DIRECT],
    single: [AtomicU64; SINGLE],
    roots: [AtomicU64; ROOTS],
    /// Every line is dirty, wherever the stream ends.
    everything: AtomicBool,
    /// Nodes taken from the reserve.
    leaves: AtomicU32,
    directories: AtomicU32,
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// An empty map; takes no node.
    pub const fn new(reserve: R) -> Self {
        Self {
            reserve,
            direct: [const { AtomicU64::new(0) }; DIRECT],
            single: [const { AtomicU64::new(0) }; SINGLE],
            roots: [const { AtomicU64::new(0) }; ROOTS],
            everything: AtomicBool::new(false),
            leaves: AtomicU32::new(0),
            directories: AtomicU32::new(0),
        }
    }

    /// Whether every line is dirty, wherever the stream ends.
    pub fn is_all_dirty(&self) -> bool {
        self.everything.load(SeqCst)
    }

    /// Leaves and directories of the reserve that this map has.
    pub fn nodes(&self) -> u32 {
        let directories = self.directories.load(Relaxed);
        self.leaves.load(Relaxed).saturating_add(directories)
    }

    #[inline]
    fn reserve(&self) -> &Reserve {
        self.reserve.borrow()
    }

    /// Passes on the entries that hang from the map itself and have something below them.
    fn tops<'a, E>(&'a self, mut each: impl FnMut(Top<'a>) -> Result<(), E>) -> Result<(), E> {
        let top = |entry: &'a AtomicU64, height: u32, index: usize, lower: u64| {
            let start = entry_lines(height).saturating_mul(index as u64);
            Top {
                entry,
                height,
                start,
                own: start.max(lower)..start.saturating_add(entry_lines(height)).min(MAX_LINE),
            }
        };
        let used = |entry: &AtomicU64| entry.load(SeqCst) != Link::NONE.0;
        for (index, entry) in self.direct.iter().enumerate() {
            if used(entry) {
                each(top(entry, 0, index, 0))?;
            }
        }
        for (index, entry) in self.single.iter().enumerate() {
            if used(entry) {
                each(top(entry, 1, index, DIRECT as u64 * LEAF_LINES))?;
            }
        }
        let mut lower = SINGLE as u64 * entry_lines(1);
        for (entry, height) in self.roots.iter().zip(2..) {
            if used(entry) {
                each(top(entry, height, 0, lower))?;
            }
            lower = entry_lines(height);
        }
        Ok(())
    }

    /// The entry that a leaf hangs below, and how many directories there are between them.
    #[inline]
    fn top_of(&self, leaf: u64) -> Option<(&AtomicU64, u32)> {
        if let Some(entry) = self.direct.get(leaf as usize) {
            return Some((entry, 0));
        }
        if let Some(entry) = self.single.get(slot_above(leaf)) {
            return Some((entry, 1));
        }
        let mut height = 2;
        while leaf >> (FANOUT_BITS * height) != 0 {
            height = height.saturating_add(1);
        }
        Some((self.roots.get(height.checked_sub(2)? as usize)?, height))
    }

    /// Takes a leaf, if the reserve and this map's share of it have one left.
    fn take_leaf(&self) -> Option<Link> {
        self.take(&self.leaves, Reserve::take_leaf)
    }

    fn take_directory(&self) -> Option<Link> {
        self.take(&self.directories, Reserve::take_directory)
    }

    fn take(&self, has: &AtomicU32, take: impl FnOnce(&Reserve) -> Option<Link>) -> Option<Link> {
        let share = self.reserve().share_of_one_map();
        let link = if has.fetch_add(1, Relaxed) < share {
            take(self.reserve())
        } else {
            None
        };
        if link.is_none() {
            has.fetch_sub(1, Relaxed);
        }
        link
    }

    fn give_leaf(&self, index: u32) {
        self.reserve().give_leaf(index);
        self.leaves.fetch_sub(1, Relaxed);
    }

    fn give_directory(&self, index: u32) {
        self.reserve().give_directory(index);
        self.directories.fetch_sub(1, Relaxed);
    }
}

impl<R: Borrow<Reserve>> Drop for DirtyMap<R> {
    fn drop(&mut self) {
        let Ok(()) = self.tops(|top| {
            give_back(self.reserve(), top.entry, top.height);
            Ok::<(), Infallible>(())
        });
    }
}

/// An entry that hangs from the map itself.
struct Top<'a> {
    entry: &'a AtomicU64,
    /// How many directories are between it and the leaves.
    height: u32,
    /// The first line that could be below it.
    start: u64,
    /// The lines that are below it and below no other.
    own: Range<u64>,
}

/// Lines of file below an entry with `height` directories between it and the leaves.
#[inline]
const fn entry_lines(height: u32) -> u64 {
    LEAF_LINES << (FANOUT_BITS * height)
}

/// The slot of a leaf in the directory at a height: 1 right above the leaves.
#[inline]
const fn slot_of(leaf: u64, height: u32) -> usize {
    (leaf >> (FANOUT_BITS * height.saturating_sub(1))) as usize & (FANOUT - 1)
}

/// Which directory of leaves a leaf is below.
#[inline]
const fn slot_above(leaf: u64) -> usize {
    (leaf >> FANOUT_BITS) as usize
}

/// Numbers of the set bits, from the lowest.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros());
        word &= word.wrapping_sub(1);
        bit
    })
}

/// The depth of recursion is the height.
fn give_back(reserve: &Reserve, entry: &AtomicU64, height: u32) {
    let link = Link(entry.load(SeqCst));
    let Some(below) = height.checked_sub(1) else {
        if let Some((index, leaf)) = reserve.leaf(link) {
            leaf.state.take();
            leaf.wipe();
            reserve.give_leaf(index);
        }
        return;
    };
    if let Some((index, directory)) = reserve.directory(link) {
        for entry in directory.entries {
            give_back(reserve, entry, below);
        }
        reserve.give_directory(index);
    }
}

const _: () = assert!(entry_lines(MAX_HEIGHT as u32) >= MAX_LINE);
const _: () = assert!(DIRECT <= FANOUT && SINGLE <= FANOUT);
