//! The dirty map: a bit for each line, in leaves that tables lead to, much as pages hang from page
//! tables.
//!
//! ```text
//! direct[8] ────────────────────── leaf ── word ── bit      the first 16 MiB
//! near ── table ────────────────── leaf                     up to 1 GiB
//! middle ── table ── table ─────── leaf                     up to 512 GiB
//! far ── table ── table ── table ─ leaf                     up to 256 TiB
//! ```
//! A leaf's place is a [`Slot`]. Tables stay as long as the map; leaves come from the reserve and go
//! back to it when they are clean and scarce.
//!
//! # Why no mark is lost
//! All of it is SeqCst unless it says why not.
//!
//! *A mark that counts is in its leaf.* A marker reads the slot, sets the words of the leaf that it
//! found and the bits of its hint that stand for them, and reads the slot again. If it is the same leaf
//! in the same generation, it was there when its words were set, or whoever comes for them has not read
//! its hint yet: a place begins a generation before its leaf is read. Else the marker starts again. (A
//! bit of the hint that was seen set is taken after the words were set, and words are read after their
//! bit was taken: so also where a collector reads a leaf in its place.)
//!
//! *A leaf that is called dirty is found.* If the second look shows the leaf called dirty, the mark is
//! done. If not, the marker sets the bits of the tables that lead to it, from below, leaving out those
//! that it sees set, and then calls the leaf dirty, if the slot is still as it was seen. A collector
//! clears the bits from the root down, and begins a generation of each place that a bit leads him to,
//! whether it is called dirty or not. So when a leaf is called dirty, either the bits above are set, or
//! the collector that cleared one of them after its marker saw it is still on his way to this leaf: he
//! will find the bit below it, which was set earlier, and had he been at the leaf already, its
//! generation would be another.
//!
//! A marker that comes too late may set a bit in a leaf that is used elsewhere by then: one clean line
//! is flushed then for nothing. A marker would have to sleep for 2^32 generations of one place to take
//! one for another.

mod ahead;
mod clear;
mod collect;
mod count;
mod in_place;
mod mark;
mod place;
mod slot;
mod table;

pub(crate) use ahead::Ahead;
pub(crate) use collect::{Sink, collect};

use crate::{
    Reserve,
    reserve::LEAF_WORDS,
    run::{LINE_SIZE, MAX_OFFSET},
    sync::{
        AtomicBool, AtomicU32,
        Ordering::{Relaxed, SeqCst},
    },
};
use core::{borrow::Borrow, convert::Infallible, ops::Range};
use place::Place;
use slot::Slot;
use table::{Hook, Tables};

/// Leaves at the start of the stream that hang from the map itself.
const DIRECT: usize = 8;
/// Lines of file that one leaf covers.
const LEAF_LINES: u64 = (LEAF_WORDS * 64) as u64;
/// Lines of file that a map covers.
const MAX_LINE: u64 = if cfg!(feature = "model") {
    Far::LINES
} else {
    MAX_OFFSET / LINE_SIZE
};

type Near = Hook<Slot>;
type Middle = Hook<Near>;
type Far = Hook<Middle>;

/// The dirty lines of one stream. `R` reaches the reserve that its leaves come from.
pub struct DirtyMap<R: Borrow<Reserve>> {
    reserve: R,
    direct: [Slot; DIRECT],
    near: Near,
    middle: Middle,
    far: Far,
    /// Every line is dirty, wherever the stream ends.
    everything: AtomicBool,
    /// Leaves taken from the reserve.
    leaves: AtomicU32,
    /// Bytes of its tables.
    tables: AtomicU32,
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// An empty map; takes no memory.
    pub const fn new(reserve: R) -> Self {
        Self {
            reserve,
            direct: [const { Slot::new() }; DIRECT],
            near: Near::new(),
            middle: Middle::new(),
            far: Far::new(),
            everything: AtomicBool::new(false),
            leaves: AtomicU32::new(0),
            tables: AtomicU32::new(0),
        }
    }

    /// Whether every line is dirty, wherever the stream ends.
    pub fn is_all_dirty(&self) -> bool {
        self.everything.load(SeqCst)
    }

    /// Leaves of the reserve that this map has.
    pub fn leaves(&self) -> u32 {
        self.leaves.load(Relaxed)
    }

    #[inline]
    fn reserve(&self) -> &Reserve {
        self.reserve.borrow()
    }

    /// The slot of a leaf, if the tables are there that lead to it.
    #[inline]
    fn slot(&self, leaf: u64) -> Option<&Slot> {
        match self.direct.get(leaf as usize) {
            Some(slot) => Some(slot),
            None if leaf < Near::LEAVES => self.near.slot(leaf),
            None => self.slot_behind(leaf),
        }
    }

    #[inline(never)]
    fn slot_behind(&self, leaf: u64) -> Option<&Slot> {
        if leaf < Middle::LEAVES {
            self.middle.slot(leaf)
        } else if leaf < Far::LEAVES {
            self.far.slot(leaf)
        } else {
            None
        }
    }

    /// The slot of a leaf, with new tables if need be. Nothing without memory for them.
    fn make_slot(&self, leaf: u64) -> Option<&Slot> {
        let tables = Tables {
            reserve: self.reserve(),
            bytes: &self.tables,
        };
        match self.direct.get(leaf as usize) {
            Some(slot) => Some(slot),
            None if leaf < Near::LEAVES => self.near.make_slot(leaf, tables),
            None if leaf < Middle::LEAVES => self.middle.make_slot(leaf, tables),
            None => self.far.make_slot(leaf, tables),
        }
    }

    /// Sets the bits of the tables that lead to a leaf, from below.
    fn set_tables(&self, leaf: u64) {
        match leaf {
            _ if leaf < DIRECT as u64 => {}
            _ if leaf < Near::LEAVES => self.near.set_dirty(leaf),
            _ if leaf < Middle::LEAVES => self.middle.set_dirty(leaf),
            _ => self.far.set_dirty(leaf),
        }
    }

    /// Passes on the slots that overlap `lines`, each with its first line; if `dirty`, only those that
    /// may be.
    fn each_slot<E>(
        &self,
        lines: &Range<u64>,
        dirty: bool,
        mut pass: impl FnMut(&Slot, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for (slot, leaf) in self.direct.iter().zip(0_u64..) {
            if !dirty || slot.get().is_dirty() {
                pass(slot, leaf.saturating_mul(LEAF_LINES))?;
            }
        }
        self.near.each(0, lines, dirty, &mut pass)?;
        self.middle.each(0, lines, dirty, &mut pass)?;
        self.far.each(0, lines, dirty, &mut pass)
    }

    /// Takes a leaf, if the reserve and this map's share of it have one left.
    fn take_leaf(&self) -> Option<u32> {
        let share = self.reserve().share_of_one_map();
        let leaf = if self.leaves.fetch_add(1, Relaxed) < share {
            self.reserve().take_leaf()
        } else {
            None
        };
        if leaf.is_none() {
            self.leaves.fetch_sub(1, Relaxed);
        }
        leaf
    }

    fn give_leaf(&self, leaf: u32) {
        self.reserve().give_leaf(leaf);
        self.leaves.fetch_sub(1, Relaxed);
    }
}

impl<R: Borrow<Reserve>> Drop for DirtyMap<R> {
    fn drop(&mut self) {
        let Ok(()) = self.each_slot(&(0..MAX_LINE), false, |slot, _| {
            let number = slot.get().number();
            if let Some(leaf) = self.reserve().leaf(number) {
                leaf.wipe();
                self.give_leaf(number);
            }
            Ok::<(), Infallible>(())
        });
        self.reserve().remove_tables(self.tables.load(Relaxed));
    }
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

const _: () = assert!(Far::LINES >= MAX_LINE && (DIRECT as u64) < Near::LEAVES);
