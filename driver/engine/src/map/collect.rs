//! Collecting: takes dirty lines out of the map, in order, without allocating. One collector at a
//! time on a map, concurrent with markers.

use super::{Ahead, DirtyMap, LEAF_LINES, MAX_LINE, bits, entry_lines, mark::set_bit};
use crate::{
    Reserve,
    mistake::{self, Mistake},
    reserve::{Directory, GROUP, Leaf, Link},
    sync::{AtomicU64, Ordering::SeqCst},
};
use core::{borrow::Borrow, ops::Range};

/// Takes runs of lines. It answers for a run from the moment it is called, also if it fails.
pub(crate) trait Sink {
    type Error;
    fn run(&mut self, lines: Range<u64>, coarse: bool) -> Result<(), Self::Error>;
}

/// Takes the dirty lines of `scope` out of `map` and passes them on in order. Leaves that it takes out
/// of their places are in `ahead`, to be put back, whether it succeeds or not.
///
/// On failure the lines that were not passed on stay dirty.
pub(crate) fn collect<R: Borrow<Reserve>, S: Sink>(
    map: &DirtyMap<R>,
    scope: &Range<u64>,
    sink: &mut S,
    ahead: &mut Ahead,
) -> Result<(), S::Error> {
    if map.everything.load(SeqCst) {
        return collect_everything(map, scope, sink);
    }
    visit(map, scope, sink, Some(ahead))
}

fn collect_everything<R: Borrow<Reserve>, S: Sink>(
    map: &DirtyMap<R>,
    scope: &Range<u64>,
    sink: &mut S,
) -> Result<(), S::Error> {
    // A part of everything leaves everything dirty: the map cannot say "all but this".
    if scope.start == 0 && scope.end >= MAX_LINE {
        map.everything.swap(false, SeqCst);
    }
    // The single bits of the scope are covered by its run, which is passed on after they are
    // taken, so nothing marked before is flushed too early.
    let Ok(()) = discard(map, scope);
    sink.run(scope.clone(), true)
}

/// Takes the dirty lines of `scope` out and forgets them.
pub(super) fn discard<R: Borrow<Reserve>>(
    map: &DirtyMap<R>,
    scope: &Range<u64>,
) -> Result<(), core::convert::Infallible> {
    visit(map, scope, &mut Forget, None)
}

struct Forget;

impl Sink for Forget {
    type Error = core::convert::Infallible;

    fn run(&mut self, _: Range<u64>, _: bool) -> Result<(), Self::Error> {
        Ok(())
    }
}

fn visit<R: Borrow<Reserve>, S: Sink>(
    map: &DirtyMap<R>,
    scope: &Range<u64>,
    sink: &mut S,
    ahead: Option<&mut Ahead>,
) -> Result<(), S::Error> {
    let mut visit = Visit {
        map,
        scope: 0..0,
        own: 0..0,
        sink,
        ahead,
    };
    for top in map.tops() {
        visit.scope = scope.start.max(top.own.start)..scope.end.min(top.own.end);
        visit.own = top.own;
        let scarce = map.reserve().is_scarce();
        if !visit.scope.is_empty() && (scarce || visit.is_dirty(top.entry, top.height)) {
            visit.below(top.entry, top.height, top.start)?;
        }
        if top.height == 0 && scarce {
            map.reclaim_leaf(top.entry, top.start);
        }
    }
    visit.read_ahead()
}

/// One walk through the tree.
struct Visit<'a, R: Borrow<Reserve>, S> {
    map: &'a DirtyMap<R>,
    scope: Range<u64>,
    /// The lines that hang from the root that the walk is below.
    own: Range<u64>,
    sink: &'a mut S,
    ahead: Option<&'a mut Ahead>,
}

impl<R: Borrow<Reserve>, S: Sink> Visit<'_, R, S> {
    /// Visits what lies below an entry that starts at line `start`. The depth of recursion is the
    /// height of the tree.
    fn below(&mut self, entry: &AtomicU64, height: u32, start: u64) -> Result<(), S::Error> {
        let link = Link(entry.load(SeqCst));
        if link == Link::ALL {
            return self.whole(entry, height, start);
        }
        let reserve = self.map.reserve();
        let Some(below) = height.checked_sub(1) else {
            let leaf = reserve.leaf(link);
            return leaf.map_or(Ok(()), |(index, leaf)| {
                self.leaf(entry, index, &leaf, start)
            });
        };
        let Some((_, directory)) = reserve.directory(link) else {
            return Ok(());
        };
        let result = self.directory(&directory, below, start);
        if reserve.is_scarce() {
            self.map.reclaim(entry, height, start);
        }
        result
    }

    /// Takes an entry's ALL. A scope that has only a part of it flushes that part and leaves ALL.
    fn whole(&mut self, entry: &AtomicU64, height: u32, start: u64) -> Result<(), S::Error> {
        self.read_ahead()?;
        let end = start.saturating_add(entry_lines(height));
        let all = start.max(self.own.start)..end.min(self.own.end);
        let part = all.start.max(self.scope.start)..all.end.min(self.scope.end);
        if part.is_empty() {
            return Ok(());
        }
        if part == all {
            entry.swap(Link::NONE.0, SeqCst);
        }
        self.sink.run(part, true)
    }

    fn directory(
        &mut self,
        directory: &Directory<'_>,
        height: u32,
        start: u64,
    ) -> Result<(), S::Error> {
        let span = entry_lines(height);
        let mask = slots_in_scope(&self.scope, start, span);
        let taken = Taken::of(&directory.state.summary, mask);
        for bit in bits(taken.bits) {
            let Some(entry) = directory.entries.get(bit as usize) else {
                continue;
            };
            let first = start.saturating_add(span.saturating_mul(u64::from(bit)));
            if let Err(error) = self.below(entry, height, first) {
                taken.give_back_from(bit);
                return Err(error);
            }
            if self.is_dirty(entry, height) {
                set_bit(&directory.state.summary, bit as usize);
            }
        }
        taken.clear_late();
        Ok(())
    }

    /// A leaf that a summary bit has led to, or that hangs from the map itself.
    fn leaf(
        &mut self,
        entry: &AtomicU64,
        index: u32,
        leaf: &Leaf<'_>,
        first: u64,
    ) -> Result<(), S::Error> {
        let end = first.saturating_add(LEAF_LINES);
        let whole = self.scope.start <= first && end <= self.scope.end;
        let scarce = self.map.reserve().is_scarce();
        if let Some(ahead) = self.ahead.as_deref_mut().filter(|_| whole && !scarce) {
            if ahead.is_full() {
                ahead.read(self.map.reserve(), self.sink)?;
                self.map.put_back(ahead);
            }
            ahead.take_out(entry, index, leaf, first);
            return Ok(());
        }
        self.read_ahead()?;
        self.in_place(leaf, first)
    }

    fn read_ahead(&mut self) -> Result<(), S::Error> {
        match self.ahead.as_deref_mut() {
            Some(ahead) => ahead.read(self.map.reserve(), self.sink),
            None => Ok(()),
        }
    }

    /// Takes a leaf's bits that are in scope, word by word, while markers go on in it.
    fn in_place(&mut self, leaf: &Leaf<'_>, start: u64) -> Result<(), S::Error> {
        let span = 64 * GROUP as u64;
        let mask = slots_in_scope(&self.scope, start, span) as u32;
        let late = mistake::made(Mistake::SummaryAfterWords);
        let taken = if late {
            leaf.state.get().summary() & mask
        } else {
            leaf.state.begin(mask)
        };
        let (groups, _) = leaf.words.as_chunks::<GROUP>();
        for bit in bits(u64::from(taken)) {
            let mut first = start.saturating_add(span.saturating_mul(u64::from(bit)));
            for word in groups.get(bit as usize).into_iter().flatten() {
                if let Err(error) = self.word(word, first) {
                    // This group may be half done, and those after it are not.
                    leaf.state.set_summary(taken & (u32::MAX << bit));
                    return Err(error);
                }
                if word.load(SeqCst) != 0 {
                    leaf.state.set_summary(1 << bit);
                }
                first = first.saturating_add(64);
            }
        }
        if late {
            leaf.state.begin(taken);
        }
        Ok(())
    }

    fn word(&mut self, word: &AtomicU64, first: u64) -> Result<(), S::Error> {
        let mask = slots_in_scope(&self.scope, first, 1);
        if word.load(SeqCst) & mask == 0 {
            return Ok(());
        }
        let old = word.fetch_and(!mask, SeqCst);
        runs_of(old & mask, first, self.sink)
    }

    fn is_dirty(&self, entry: &AtomicU64, height: u32) -> bool {
        let (reserve, link) = (self.map.reserve(), Link(entry.load(SeqCst)));
        link == Link::ALL
            || if height == 0 {
                let state = reserve.leaf_state(link);
                state.is_some_and(|state| state.get().summary() != 0)
            } else {
                let directory = reserve.directory(link);
                directory.is_some_and(|(_, directory)| directory.state.summary.load(SeqCst) != 0)
            }
    }
}

/// Bits taken out of a summary.
struct Taken<'a> {
    summary: &'a AtomicU64,
    bits: u64,
    late: bool,
}

impl<'a> Taken<'a> {
    #[inline]
    fn of(summary: &'a AtomicU64, mask: u64) -> Self {
        let late = mistake::made(Mistake::SummaryAfterWords);
        let set = summary.load(SeqCst) & mask;
        let bits = if set == 0 || late {
            set
        } else {
            summary.fetch_and(!mask, SeqCst) & mask
        };
        Self {
            summary,
            bits,
            late,
        }
    }

    /// The slot of this bit may be half done, and those after it are not.
    fn give_back_from(&self, bit: u32) {
        self.summary.fetch_or(self.bits & (u64::MAX << bit), SeqCst);
    }

    fn clear_late(&self) {
        if self.late {
            self.summary.fetch_and(!self.bits, SeqCst);
        }
    }
}

/// Passes on the runs of a word at line `first`. The sink answers for every run of the word, which is
/// no longer in the map.
#[inline]
pub(super) fn runs_of<S: Sink>(dirty: u64, first: u64, sink: &mut S) -> Result<(), S::Error> {
    let mut dirty = dirty;
    let mut result = Ok(());
    while dirty != 0 {
        let low = dirty.trailing_zeros();
        let length = (dirty >> low).trailing_ones();
        let start = first.wrapping_add(u64::from(low));
        let run = start..start.wrapping_add(u64::from(length));
        dirty &= (u64::MAX << low).checked_shl(length).unwrap_or(0);
        result = result.and(sink.run(run, false));
    }
    result
}

/// Which of 64 slots, each of `span` lines from line `start` on, overlap the scope.
#[inline]
fn slots_in_scope(scope: &Range<u64>, start: u64, span: u64) -> u64 {
    let first = scope.start.saturating_sub(start) / span;
    let end = scope.end.saturating_sub(start).div_ceil(span).min(64);
    if first >= end {
        return 0;
    }
    (u64::MAX << first) & (u64::MAX >> 64_u64.saturating_sub(end))
}
