//! Collecting: takes dirty lines out of the map, in order, without allocating. One collector at a
//! time on a map, concurrent with markers.

use super::{
    Ahead, DirtyMap, LEAF_LINES, MAX_LINE, bits,
    in_place::in_place,
    place::{Place, places_in},
    slot::Slot,
    table::{Hook, set_bit},
};
use crate::{
    Reserve,
    mistake::{self, Mistake},
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
        scope: scope.start..scope.end.min(MAX_LINE),
        sink,
        ahead,
        scarce: map.reserve().is_scarce(),
        short: map.reserve().is_short(),
    };
    for (slot, leaf) in map.direct.iter().zip(0_u64..) {
        if visit.scarce || slot.get().is_dirty() {
            slot.collect(leaf.saturating_mul(LEAF_LINES), &mut visit)?;
        }
    }
    map.near.collect(0, &mut visit)?;
    map.middle.collect(0, &mut visit)?;
    map.far.collect(0, &mut visit)?;
    visit.read_ahead()
}

/// One walk through the tables.
struct Visit<'a, R: Borrow<Reserve>, S> {
    map: &'a DirtyMap<R>,
    scope: Range<u64>,
    sink: &'a mut S,
    ahead: Option<&'a mut Ahead>,
    /// Leaves that are clean go back to the reserve.
    scarce: bool,
    /// Leaves are not taken out ahead.
    short: bool,
}

/// What a collector comes to.
trait Collected {
    /// Collects what is below, from line `first` on.
    fn collect<R: Borrow<Reserve>, S: Sink>(
        &self,
        first: u64,
        visit: &mut Visit<'_, R, S>,
    ) -> Result<(), S::Error>;
}

impl Collected for Slot {
    #[inline]
    fn collect<R: Borrow<Reserve>, S: Sink>(
        &self,
        first: u64,
        visit: &mut Visit<'_, R, S>,
    ) -> Result<(), S::Error> {
        let found = self.get();
        if found.is_empty() {
            return Ok(());
        }
        let scope = &visit.scope;
        if scope.end <= first || first.saturating_add(LEAF_LINES) <= scope.start {
            return Ok(());
        }
        if found.is_all() {
            return visit.all(self, first);
        }
        // Also if it is not called dirty: who has set the bit that has led here may be about to.
        let result = visit.leaf(self, first);
        if visit.scarce && !self.get().is_dirty() {
            visit.give_back(self, first);
        }
        result
    }
}

impl<T: Place + Collected> Collected for Hook<T> {
    fn collect<R: Borrow<Reserve>, S: Sink>(
        &self,
        first: u64,
        visit: &mut Visit<'_, R, S>,
    ) -> Result<(), S::Error> {
        for row in self.rows(first, true) {
            let within = places_in(&visit.scope, row.first, T::LINES);
            let taken = Taken::of(row.dirty, within);
            for place in bits(taken.bits) {
                let Some(below) = row.places.get(place as usize) else {
                    continue;
                };
                if let Err(error) = below.collect(row.first_of(place), visit) {
                    taken.give_back_from(place);
                    return Err(error);
                }
                if below.is_dirty() {
                    set_bit(row.dirty, place as usize);
                }
            }
            taken.clear_late();
        }
        Ok(())
    }
}

impl<R: Borrow<Reserve>, S: Sink> Visit<'_, R, S> {
    /// Takes a whole place that is dirty. A scope that has only a part of it flushes that part and
    /// leaves the place as it is.
    fn all(&mut self, slot: &Slot, first: u64) -> Result<(), S::Error> {
        self.read_ahead()?;
        let all = first..first.saturating_add(LEAF_LINES);
        let part = all.start.max(self.scope.start)..all.end.min(self.scope.end);
        if part == all {
            slot.take();
        }
        self.sink.run(part, true)
    }

    /// Takes what is in scope of a leaf.
    #[inline]
    fn leaf(&mut self, slot: &Slot, first: u64) -> Result<(), S::Error> {
        let end = first.saturating_add(LEAF_LINES);
        let whole = self.scope.start <= first && end <= self.scope.end;
        if let Some(ahead) = self.ahead.as_deref_mut().filter(|_| whole && !self.short) {
            if ahead.is_full() {
                ahead.read(self.map.reserve(), self.sink)?;
                self.map.put_back(ahead);
            }
            ahead.take(slot, first);
            return Ok(());
        }
        self.read_ahead()?;
        let leaf = self.map.reserve().leaf(slot.get().number());
        leaf.map_or(Ok(()), |leaf| {
            in_place(slot, leaf, first, &self.scope, self.sink)
        })
    }

    fn read_ahead(&mut self) -> Result<(), S::Error> {
        match self.ahead.as_deref_mut() {
            Some(ahead) => ahead.read(self.map.reserve(), self.sink),
            None => Ok(()),
        }
    }

    /// Gives the clean leaf of a place back. It is taken out first and looked at then: a mark that
    /// counts is seen by now, and the others will be made again elsewhere.
    fn give_back(&self, slot: &Slot, first: u64) {
        if let Some(leaf) = slot.get().leaf() {
            let found = slot.take();
            self.map.put_back_leaf(leaf, first, found.is_dirty());
        }
    }
}

/// Bits taken out of a row of a table.
struct Taken<'a> {
    word: &'a AtomicU64,
    bits: u64,
    late: bool,
}

impl<'a> Taken<'a> {
    #[inline]
    fn of(word: &'a AtomicU64, within: u64) -> Self {
        let late = mistake::made(Mistake::HintAfterWords);
        let set = word.load(SeqCst) & within;
        let bits = if set == 0 || late {
            set
        } else {
            word.fetch_and(!within, SeqCst) & within
        };
        Self { word, bits, late }
    }

    /// What is at this place may be half done, and those after it are not.
    fn give_back_from(&self, place: u32) {
        self.word.fetch_or(self.bits & (u64::MAX << place), SeqCst);
    }

    fn clear_late(&self) {
        if self.late {
            self.word.fetch_and(!self.bits, SeqCst);
        }
    }
}

/// Passes on the runs of a word at line `first`. The sink answers for every run of the word, which is
/// no longer in the map.
#[inline]
pub(super) fn runs_of<S: Sink>(dirty: u64, first: u64, sink: &mut S) -> Result<(), S::Error> {
    if dirty == u64::MAX {
        return sink.run(first..first.wrapping_add(64), false);
    }
    let mut dirty = dirty;
    let mut result = Ok(());
    while dirty != 0 {
        let low = dirty.trailing_zeros();
        // Carries through the lowest run and clears it; a run up to the highest bit carries out.
        let above = dirty.wrapping_add(dirty & dirty.wrapping_neg());
        let end = if above == 0 {
            64
        } else {
            above.trailing_zeros()
        };
        dirty &= above;
        let run = first.wrapping_add(u64::from(low))..first.wrapping_add(u64::from(end));
        match sink.run(run, false) {
            Ok(()) => {}
            failed => result = result.and(failed),
        }
    }
    result
}
