//! The engine's own.

use super::{Recorder, Store};
use daxflush_engine::{Backing, Committed, Committer, DirtyMap, MAX_OFFSET, Reserve, Run};
use std::{convert::Infallible, ops::Range};

pub struct Map<'a> {
    reserve: &'a Reserve,
    pub map: DirtyMap<&'a Reserve>,
    committer: Committer,
}

impl<'a> Map<'a> {
    pub fn new(reserve: &'a Reserve) -> Self {
        Self {
            reserve,
            map: DirtyMap::new(reserve),
            committer: Committer::new(),
        }
    }

    pub fn commit<B: Backing>(
        &mut self,
        scope: Range<u64>,
        backing: &mut B,
    ) -> Result<Committed, B::Error> {
        self.committer.commit(&self.map, scope, backing)
    }
}

impl Recorder for Map<'_> {
    #[inline]
    fn record(&mut self, store: &Store) {
        self.map.mark(store.offset, store.length);
    }

    fn empty(&mut self) {
        let Ok(_) = self.commit(0..MAX_OFFSET, &mut Sum::default());
    }

    fn renew(&mut self) {
        self.map = DirtyMap::new(self.reserve);
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<Range<u64>> {
        let mut lines = super::tests::Lines::default();
        let Ok(_) = self.commit(0..MAX_OFFSET, &mut lines);
        lines.ranges
    }
}

/// A backing that does as little as can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub runs: u64,
    pub bytes: u64,
    pub drains: u64,
}

impl Backing for Sum {
    type Error = Infallible;

    #[inline]
    fn flush(&mut self, runs: &[Run]) -> Result<(), Infallible> {
        self.runs += runs.len() as u64;
        self.bytes += runs.iter().map(|run| run.length).sum::<u64>();
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Infallible> {
        self.drains += 1;
        Ok(())
    }
}
