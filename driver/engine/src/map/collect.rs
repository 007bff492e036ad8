//! Collecting: takes dirty lines out of the map, in order, without allocating. One collector at a
//! time on a map, concurrent with markers.

use super::{
    ALL, DirtyMap, FANOUT, LEVELS, MAX_LINE, Node, Reserve, bits, child, entry_lines,
    mark::set_summary,
};
use crate::{
    mistake::{self, Mistake},
    sync::{AtomicU64, Ordering::SeqCst},
};
use core::{borrow::Borrow, ops::Range};

/// Takes runs of lines. It answers for a run from the moment it is called, also if it fails.
pub(crate) trait Sink {
    type Error;
    fn run(&mut self, lines: Range<u64>, coarse: bool) -> Result<(), Self::Error>;
}

/// Takes the dirty lines of `scope` out of `map` and passes them on in order.
///
/// On failure the lines that were not passed on stay dirty.
pub(crate) fn collect<R: Borrow<Reserve>, S: Sink>(
    map: &DirtyMap<R>,
    scope: &Range<u64>,
    sink: &mut S,
) -> Result<(), S::Error> {
    if map.everything.load(SeqCst) {
        return collect_everything(map, scope, sink);
    }
    Visit { map, scope, sink }.entry(&map.root, LEVELS, 0)
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
    let sink = &mut Forget;
    Visit { map, scope, sink }.entry(&map.root, LEVELS, 0)
}

struct Forget;

impl Sink for Forget {
    type Error = core::convert::Infallible;

    fn run(&mut self, _: Range<u64>, _: bool) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// One walk through the tree.
struct Visit<'a, R: Borrow<Reserve>, S> {
    map: &'a DirtyMap<R>,
    scope: &'a Range<u64>,
    sink: &'a mut S,
}

impl<R: Borrow<Reserve>, S: Sink> Visit<'_, R, S> {
    /// Visits what lies below an entry that starts at line `start`. The depth of recursion is the
    /// height of the tree.
    fn entry(mut self, entry: &AtomicU64, levels: u32, start: u64) -> Result<(), S::Error> {
        self.below(entry, levels, start)
    }

    fn below(&mut self, entry: &AtomicU64, levels: u32, start: u64) -> Result<(), S::Error> {
        let value = entry.load(SeqCst);
        if value == ALL {
            return self.whole(entry, levels, start);
        }
        let Some((index, node)) = child(self.map.reserve(), value) else {
            return Ok(());
        };
        let result = self.node(node, levels, start);
        if levels == 1 && self.map.reserve().is_scarce() {
            self.map.reclaim(entry, index, node);
        }
        result
    }

    /// Takes an entry's ALL. A scope that has only a part of it flushes that part and leaves ALL.
    fn whole(&mut self, entry: &AtomicU64, levels: u32, start: u64) -> Result<(), S::Error> {
        let end = start.saturating_add(entry_lines(levels.saturating_add(1)));
        let part = start.max(self.scope.start)..end.min(self.scope.end);
        if part.is_empty() {
            return Ok(());
        }
        if part == (start..end) {
            entry.swap(0, SeqCst);
        }
        self.sink.run(part, true)
    }

    fn node(&mut self, node: &Node, levels: u32, start: u64) -> Result<(), S::Error> {
        let span = entry_lines(levels);
        for (group, summary) in node.summary.iter().enumerate() {
            let group_start = start.saturating_add(span.saturating_mul(64 * group as u64));
            let mask = slots_in_scope(self.scope, group_start, span);
            if mask == 0 || summary.load(SeqCst) & mask == 0 {
                continue;
            }
            let late = mistake::made(Mistake::SummaryAfterWords);
            let taken = if late {
                summary.load(SeqCst) & mask
            } else {
                summary.fetch_and(!mask, SeqCst) & mask
            };
            for bit in bits(taken) {
                let slot = group * 64 + bit as usize;
                let first = group_start.saturating_add(span.saturating_mul(u64::from(bit)));
                if let Err(error) = self.slot(node, slot, levels, first) {
                    // This slot, which may be half done, and those after it.
                    summary.fetch_or(taken & (u64::MAX << bit), SeqCst);
                    return Err(error);
                }
            }
            if late {
                summary.fetch_and(!taken, SeqCst);
            }
        }
        Ok(())
    }

    fn slot(&mut self, node: &Node, slot: usize, levels: u32, first: u64) -> Result<(), S::Error> {
        let Some(word) = node.words.get(slot) else {
            return Ok(());
        };
        let Some(below) = levels.checked_sub(1) else {
            return self.word(node, slot, word, first);
        };
        let result = self.below(word, below, first);
        if is_dirty(self.map.reserve(), word.load(SeqCst)) {
            set_summary(node, slot);
        }
        result
    }

    /// Takes the bits of one word that are in scope and passes on their runs.
    fn word(
        &mut self,
        leaf: &Node,
        slot: usize,
        word: &AtomicU64,
        first: u64,
    ) -> Result<(), S::Error> {
        let mask = slots_in_scope(self.scope, first, 1);
        let old = word.fetch_and(!mask, SeqCst);
        if old & !mask != 0 {
            set_summary(leaf, slot);
        }
        let mut dirty = old & mask;
        let mut result = Ok(());
        while dirty != 0 {
            let low = dirty.trailing_zeros();
            let length = (dirty >> low).trailing_ones();
            let start = first.saturating_add(u64::from(low));
            let run = start..start.saturating_add(u64::from(length));
            dirty &= (u64::MAX << low).checked_shl(length).unwrap_or(0);
            // The sink answers for every run of the word, which is no longer in the map.
            result = result.and(self.sink.run(run, false));
        }
        result
    }
}

/// Which of 64 slots, each of `span` lines from line `start` on, overlap the scope.
fn slots_in_scope(scope: &Range<u64>, start: u64, span: u64) -> u64 {
    let first = scope.start.saturating_sub(start) / span;
    let end = scope.end.saturating_sub(start).div_ceil(span).min(64);
    if first >= end {
        return 0;
    }
    (u64::MAX << first) & (u64::MAX >> 64_u64.saturating_sub(end))
}

fn is_dirty(reserve: &Reserve, entry: u64) -> bool {
    entry == ALL || child(reserve, entry).is_some_and(|(_, node)| node.has_summary())
}

const _: () = assert!(FANOUT.is_multiple_of(64));
