//! Leaves that a collection has taken out of their places, so that nobody's mark in them counts any
//! more: their words are then read and cleared by plain loads and stores.
//!
//! A locked instruction waits for the flushes under way, much as a drain does. So leaves are taken out
//! ahead of the flushing, and put back when it is over.

use super::{
    DirtyMap, LEAF_LINES,
    collect::{Sink, runs_of},
    slot_of,
};
use crate::{
    Reserve,
    mistake::{self, Mistake},
    reserve::{GROUP, Leaf, Link, Words},
    run::LINE_SIZE,
    sync::{
        AtomicU64,
        Ordering::{Relaxed, Release, SeqCst},
    },
};
use core::{borrow::Borrow, ops::Range};

/// Leaves that are taken out at once: 128 MiB of file, if all of it is dirty.
const LEAVES: usize = 64;

#[derive(Clone, Copy)]
struct TakenOut {
    /// The leaf's first line.
    first: u64,
    leaf: u32,
    /// The bits of its summary that were not read yet.
    summary: u32,
}

/// Leaves taken out, in order.
pub(crate) struct Ahead {
    leaves: [TakenOut; LEAVES],
    count: usize,
    /// How many of them have been read to their end.
    read: usize,
}

impl Ahead {
    pub const fn new() -> Self {
        const NONE: TakenOut = TakenOut {
            first: 0,
            leaf: 0,
            summary: 0,
        };
        Self {
            leaves: [NONE; LEAVES],
            count: 0,
            read: 0,
        }
    }

    #[inline]
    pub const fn is_full(&self) -> bool {
        self.count >= LEAVES
    }

    /// Takes a leaf out of its place, for the one collector. There is room.
    #[inline]
    pub fn take_out(&mut self, entry: &AtomicU64, index: u32, leaf: &Leaf<'_>, first: u64) {
        if let Some(place) = self.leaves.get_mut(self.count) {
            let summary = unlink(entry, leaf);
            *place = TakenOut {
                first,
                leaf: index,
                summary,
            };
            self.count = self.count.saturating_add(1);
        }
    }

    /// Passes on the runs of the leaves that were not read yet.
    ///
    /// # Errors
    /// The sink's; what was not passed on stays in the leaves.
    pub fn read<S: Sink>(&mut self, reserve: &Reserve, sink: &mut S) -> Result<(), S::Error> {
        let leaves = self.leaves.get_mut(..self.count).unwrap_or_default();
        for taken in leaves.iter_mut().skip(self.read) {
            if let Some(words) = reserve.words(Link::to(taken.leaf)) {
                read_words(words, taken.first, &mut taken.summary, sink)?;
            }
            self.read = self.read.saturating_add(1);
        }
        Ok(())
    }
}

/// Unlinks a leaf and returns its summary. For the one collector.
#[inline]
pub(super) fn unlink(entry: &AtomicU64, leaf: &Leaf<'_>) -> u32 {
    // Before the generation, so that nobody finds the new one in the old place.
    entry.store(Link::NONE.0, Release);
    leaf.state.take()
}

/// Passes on the runs of a leaf that is linked nowhere, as far as `summary` says; what was passed on
/// leaves it.
fn read_words<S: Sink>(
    words: &Words,
    first: u64,
    summary: &mut u32,
    sink: &mut S,
) -> Result<(), S::Error> {
    let (groups, _) = words.as_chunks::<GROUP>();
    while *summary != 0 {
        let group = summary.trailing_zeros();
        *summary &= summary.wrapping_sub(1);
        let mut line = first.wrapping_add(64 * GROUP as u64 * u64::from(group));
        for word in groups.get(group as usize).into_iter().flatten() {
            let dirty = word.load(SeqCst);
            if dirty != 0 {
                // A mark that comes between these two does not count.
                word.store(0, Relaxed);
                if let Err(error) = runs_of(dirty, line, sink) {
                    *summary |= 1 << group;
                    return Err(error);
                }
            }
            line = line.wrapping_add(64);
        }
    }
    Ok(())
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Puts leaves back that were taken out, with what is still dirty in them. For the one collector.
    pub(crate) fn put_back(&self, ahead: &mut Ahead) {
        for taken in ahead.leaves.get(..ahead.count).unwrap_or_default() {
            self.put_back_leaf(taken.leaf, taken.first, taken.summary);
        }
        (ahead.count, ahead.read) = (0, 0);
    }

    /// Puts a leaf that is linked nowhere back to where it was, or what is dirty in it if there is
    /// another by now. For the one collector.
    pub(super) fn put_back_leaf(&self, index: u32, first: u64, summary: u32) {
        let Some(leaf) = self.reserve().leaf_at(index) else {
            return;
        };
        let dirty = summary != 0 && !mistake::made(Mistake::EarlyLeafReuse);
        if dirty {
            leaf.state.set_summary(summary);
        }
        let wanted = dirty || !self.reserve().is_scarce();
        if wanted && self.link_again(index, first) {
            if dirty {
                self.set_directories(first / LEAF_LINES);
            }
            return;
        }
        if dirty {
            let mut summary = leaf.state.take();
            let Ok(()) = read_words(leaf.words, first, &mut summary, &mut MarkAgain(self));
        }
        self.give_leaf(index);
    }

    fn link_again(&self, index: u32, first: u64) -> bool {
        self.entry_of(first / LEAF_LINES).is_some_and(|entry| {
            let link = Link::to(index).0;
            entry
                .compare_exchange(Link::NONE.0, link, SeqCst, SeqCst)
                .is_ok()
        })
    }

    /// The entry of a leaf, if the directories above it are there. For the one collector: nobody else
    /// gives directories back.
    fn entry_of(&self, leaf: u64) -> Option<&AtomicU64> {
        let (mut entry, mut height) = self.top_of(leaf)?;
        while let Some(below) = height.checked_sub(1) {
            let entries = self.reserve().entries(Link(entry.load(SeqCst)))?;
            entry = entries.get(slot_of(leaf, height))?;
            height = below;
        }
        Some(entry)
    }
}

/// Marks runs again.
struct MarkAgain<'a, R: Borrow<Reserve>>(&'a DirtyMap<R>);

impl<R: Borrow<Reserve>> Sink for MarkAgain<'_, R> {
    type Error = core::convert::Infallible;

    fn run(&mut self, lines: Range<u64>, _: bool) -> Result<(), Self::Error> {
        let count = lines.end.saturating_sub(lines.start);
        self.0.mark(
            lines.start.saturating_mul(LINE_SIZE),
            count.saturating_mul(LINE_SIZE),
        );
        Ok(())
    }
}
