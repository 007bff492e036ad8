//! One commit: collect, flush in batches, drain once.

use crate::{
    Arrival, DirtyMap, Group, Reserve, Run,
    map::{Ahead, Sink, collect},
    run::{BATCH, LINE_SIZE, MAX_OFFSET},
};
use core::{borrow::Borrow, ops::Range};

/// What makes lines durable.
pub trait Backing {
    /// Why it could not.
    type Error;

    /// Marks what was stored and is marked nowhere yet, such as what a log holds. Called when the
    /// commit has begun and before it collects. `false` if there may be more that cannot be found
    /// from here: then nobody joins this commit.
    fn gather(&mut self) -> bool {
        true
    }

    /// Starts the write-back of every line of `runs`, at most [`BATCH`] of them.
    ///
    /// # Errors
    /// Any; the lines of `runs` then count as not flushed.
    fn flush(&mut self, runs: &[Run]) -> Result<(), Self::Error>;

    /// Returns when everything flushed before is durable.
    ///
    /// # Errors
    /// Any; nothing flushed since the last drain then counts as durable.
    fn drain(&mut self) -> Result<(), Self::Error>;
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Maximal runs flushed.
    pub ranges: u64,
    /// Batches flushed.
    pub batches: u64,
    /// Lines flushed.
    pub lines: u64,
    /// Of `lines`, those flushed because tracking had become coarse.
    pub coarse_lines: u64,
    /// Drains: 1, or 0 if nothing was dirty.
    pub drains: u64,
    /// Whether another caller's commit had done all of it.
    pub joined: bool,
}

/// The memory of a stream's commits. `&mut` makes them one at a time.
pub struct Committer {
    batch: [Run; BATCH],
    limit: usize,
    ahead: Ahead,
}

impl Default for Committer {
    fn default() -> Self {
        Self::new()
    }
}

impl Committer {
    /// A committer; allocates nothing, now or later.
    pub const fn new() -> Self {
        Self {
            batch: [Run {
                offset: 0,
                length: 0,
            }; BATCH],
            limit: BATCH,
            ahead: Ahead::new(),
        }
    }

    /// Sets how many runs are passed to the backing at once: 1 to [`BATCH`].
    pub fn set_batch(&mut self, runs: usize) {
        self.limit = runs.clamp(1, BATCH);
    }

    /// Makes durable what was marked within `scope` (bytes) before `arrival`, by a commit of its own
    /// or by another caller's since (see [`Group`]).
    ///
    /// A line that was marked before is either collected here, or was collected by an earlier
    /// commit, which `&mut self` has let end. Lines of `scope`'s edges belong to it.
    ///
    /// # Errors
    /// The backing's; every line that is not known to be durable is dirty again then.
    pub fn commit_in_group<R: Borrow<Reserve>, B: Backing>(
        &mut self,
        group: &Group,
        arrival: Arrival,
        map: &DirtyMap<R>,
        scope: Range<u64>,
        backing: &mut B,
    ) -> Result<Committed, B::Error> {
        if group.covers(arrival) {
            return Ok(Committed {
                joined: true,
                ..Committed::default()
            });
        }
        let number = group.begin();
        let complete = backing.gather();
        let whole = complete && scope.start == 0 && scope.end >= MAX_OFFSET;
        let done = self.commit(map, scope, backing)?;
        if whole {
            group.succeed(number);
        }
        Ok(done)
    }

    /// Makes durable what was marked within `scope` (bytes) before the call, without
    /// [`Backing::gather`].
    ///
    /// # Errors
    /// As [`Self::commit_in_group`]'s.
    pub fn commit<R: Borrow<Reserve>, B: Backing>(
        &mut self,
        map: &DirtyMap<R>,
        scope: Range<u64>,
        backing: &mut B,
    ) -> Result<Committed, B::Error> {
        let lines = scope.start / LINE_SIZE..scope.end.min(MAX_OFFSET).div_ceil(LINE_SIZE);
        let mut batcher = Batcher::new(&mut self.batch, self.limit, backing);
        let collected =
            collect(map, &lines, &mut batcher, &mut self.ahead).and_then(|()| batcher.finish());
        let flushed = batcher.flushed.clone();
        let mut done = batcher.done;
        let drained = if flushed.is_empty() {
            Ok(())
        } else {
            done.drains = 1;
            batcher.drain()
        };
        // After the drain: all of it takes locked instructions, which wait for the flushes.
        map.put_back(&mut self.ahead);
        if collected.is_err() && !cfg!(feature = "fault-forget-failed") {
            batcher
                .unflushed()
                .for_each(|run| map.mark(run.offset, run.length));
        }
        if let Err(error) = drained {
            // Only the span of what was flushed is remembered: coarser, but not lost.
            map.mark(flushed.start, flushed.end.saturating_sub(flushed.start));
            return Err(error);
        }
        collected.map(|()| done)
    }
}

/// Gathers runs into batches and flushes them.
struct Batcher<'a, B: Backing> {
    batch: &'a mut [Run; BATCH],
    limit: usize,
    backing: &'a mut B,
    /// Runs in the batch; the last of them may still grow.
    count: usize,
    /// Runs that came after the backing had failed, as one span.
    rejected: Range<u64>,
    failed: bool,
    /// The span of everything flushed.
    flushed: Range<u64>,
    done: Committed,
}

impl<'a, B: Backing> Batcher<'a, B> {
    fn new(batch: &'a mut [Run; BATCH], limit: usize, backing: &'a mut B) -> Self {
        let done = Committed::default();
        Self {
            batch,
            limit,
            backing,
            count: 0,
            rejected: 0..0,
            failed: false,
            flushed: 0..0,
            done,
        }
    }

    /// Flushes the batch, unless it is empty.
    fn finish(&mut self) -> Result<(), B::Error> {
        let runs = self.batch.get(..self.count).unwrap_or_default();
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
            return Ok(());
        };
        let span = first.offset..last.end();
        if let Err(error) = self.backing.flush(runs) {
            self.failed = true;
            return Err(error);
        }
        let lines: u64 = runs.iter().map(|run| run.length / LINE_SIZE).sum();
        self.done.lines = self.done.lines.saturating_add(lines);
        self.done.ranges = self.done.ranges.saturating_add(self.count as u64);
        self.done.batches = self.done.batches.saturating_add(1);
        self.count = 0;
        let start = if self.flushed.is_empty() {
            span.start
        } else {
            self.flushed.start
        };
        self.flushed = start..span.end;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), B::Error> {
        if cfg!(feature = "fault-omit-drain") {
            Ok(())
        } else {
            self.backing.drain()
        }
    }

    /// What was collected and not flushed.
    fn unflushed(&self) -> impl Iterator<Item = Run> {
        let Range { start, end } = self.rejected;
        let rejected = Run {
            offset: start,
            length: end.saturating_sub(start),
        };
        self.batch
            .get(..self.count)
            .unwrap_or_default()
            .iter()
            .copied()
            .chain([rejected])
    }
}

impl<B: Backing> Sink for Batcher<'_, B> {
    type Error = B::Error;

    fn run(&mut self, lines: Range<u64>, coarse: bool) -> Result<(), B::Error> {
        let Some(run) = to_run(&lines) else {
            return Ok(());
        };
        if self.failed {
            let start = if self.rejected.is_empty() {
                run.offset
            } else {
                self.rejected.start
            };
            self.rejected = start..run.end();
            return Ok(());
        }
        if coarse {
            let lines = run.length / LINE_SIZE;
            self.done.coarse_lines = self.done.coarse_lines.saturating_add(lines);
        }
        let last = self
            .count
            .checked_sub(1)
            .and_then(|last| self.batch.get_mut(last));
        if let Some(last) = last.filter(|last| last.end() == run.offset) {
            last.length = last.length.saturating_add(run.length);
            return Ok(());
        }
        if self.count >= self.limit
            && let Err(error) = self.finish()
        {
            self.rejected = run.offset..run.end();
            return Err(error);
        }
        if let Some(free) = self.batch.get_mut(self.count) {
            *free = run;
            self.count = self.count.saturating_add(1);
        }
        Ok(())
    }
}

fn to_run(lines: &Range<u64>) -> Option<Run> {
    // The deliberate fault loses the line that starts every 1 KiB of file.
    let skipped = u64::from(cfg!(feature = "fault-skip-line") && lines.start.is_multiple_of(16));
    let start = lines.start.saturating_add(skipped);
    let count = lines.end.saturating_sub(start);
    (count != 0).then_some(Run {
        offset: start * LINE_SIZE,
        length: count * LINE_SIZE,
    })
}
