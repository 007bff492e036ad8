//! What the threads do.

use crate::{
    at_once::at_once,
    backing::Region,
    measure::Contender,
    memory::{LINE, Memory},
    pmem::Pmem,
};
use daxflush_engine::{Committed, Committer, DirtyMap, Group, MAX_OFFSET, Reserve};
use std::{
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

pub struct Work<'a> {
    memory: &'a Memory,
    region: &'a Region<'a>,
    threads: usize,
    commits: usize,
    stream: Stream<'a>,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    made: AtomicU64,
    joined: AtomicU64,
    drains: AtomicU64,
}

/// What a stream has in the driver.
struct Stream<'a> {
    map: DirtyMap<&'a Reserve>,
    group: Group,
    committer: Mutex<Committer>,
}

impl Stream<'_> {
    fn turn(&self) -> MutexGuard<'_, Committer> {
        self.committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of all commits in the group.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub made: u64,
    pub joined: u64,
    pub drains: u64,
}

impl Counts {
    pub fn part(&self, count: u64) -> f64 {
        count as f64 / self.made.max(1) as f64
    }
}

impl<'a> Work<'a> {
    pub fn new(
        memory: &'a Memory,
        region: &'a Region<'a>,
        reserve: &'a Reserve,
        threads: usize,
        commits: usize,
    ) -> Self {
        Self {
            memory,
            region,
            threads,
            commits,
            stream: Stream {
                map: DirtyMap::new(reserve),
                group: Group::new(),
                committer: Mutex::new(Committer::new()),
            },
            totals: Totals::default(),
        }
    }

    /// What all runs of [`Self::grouped`] did.
    pub fn counts(&self) -> Counts {
        let Totals {
            made,
            joined,
            drains,
        } = &self.totals;
        Counts {
            made: made.load(Relaxed),
            joined: joined.load(Relaxed),
            drains: drains.load(Relaxed),
        }
    }

    /// Lets each thread store to its own lines, one after the other.
    fn contender<'s>(
        &'s self,
        name: &str,
        totals: Option<&'s Totals>,
        durable: impl Fn(usize) -> Committed + Sync + 's,
    ) -> Contender<'s> {
        let own = self.memory.size() / self.threads / LINE * LINE;
        let run = move |thread: usize| {
            let (mut joined, mut drains) = (0, 0);
            for index in 0..self.commits {
                // Seven lines on, so that no two of them are adjacent.
                let offset = thread * own + index * 7 * LINE % own;
                self.memory.store(offset);
                let done = durable(offset);
                joined += u64::from(done.joined);
                drains += done.drains;
            }
            if let Some(totals) = totals {
                totals.made.fetch_add(self.commits as u64, Relaxed);
                totals.joined.fetch_add(joined, Relaxed);
                totals.drains.fetch_add(drains, Relaxed);
            }
        };
        Contender::timed(name, || {}, move || at_once(self.threads, &run))
    }

    pub fn grouped(&self, name: &str) -> Contender<'_> {
        self.contender(name, Some(&self.totals), |offset| {
            self.commit_in_group(offset)
        })
    }

    fn commit_in_group(&self, offset: usize) -> Committed {
        let Stream { map, group, .. } = &self.stream;
        map.mark(offset as u64, 8);
        let arrival = group.arrive();
        let mut turn = self.stream.turn();
        let backing = &mut self.region.backing();
        let done = turn.commit_in_group(group, arrival, map, 0..MAX_OFFSET, backing);
        done.unwrap_or_else(|error| panic!("a commit failed: {error}"))
    }

    pub fn apart(&self, name: &str) -> Contender<'_> {
        self.contender(name, None, |offset| {
            let map = &self.stream.map;
            map.mark(offset as u64, 8);
            let mut turn = self.stream.turn();
            let done = turn.commit(map, 0..MAX_OFFSET, &mut self.region.backing());
            done.unwrap_or_else(|error| panic!("a commit failed: {error}"))
        })
    }

    pub fn persisted<'s>(&'s self, name: &str, pmem: &'s Pmem) -> Contender<'s> {
        let (persist, base) = (pmem.persist, self.memory.base());
        self.contender(name, None, move |offset| {
            // SAFETY: inside the memory.
            unsafe { persist(ptr::with_exposed_provenance(base + offset), 8) };
            Committed::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Work;
    use crate::{backing::Region, measure::compete, memory::Memory};
    use daxflush_engine::Reserve;
    use daxflush_nvmem::NvMemory;

    #[test]
    fn every_commit_joins_or_drains_or_finds_nothing_left() {
        let memory = Memory::new(1 << 20).expect("memory");
        let nv = NvMemory::<1>::new();
        nv.init(1);
        let region = Region::new(&memory, &nv).expect("a token");
        let reserve = Reserve::with_leaves(64).expect("memory");
        let work = Work::new(&memory, &region, &reserve, 3, 50);
        let mut contenders = [work.grouped("grouped"), work.apart("apart")];
        compete(&mut contenders, 150, 2, &mut fastrand::Rng::with_seed(1));
        drop(contenders);
        let counts = work.counts();
        assert_eq!(counts.made, 4 * 150);
        assert!(counts.drains >= 1 && counts.drains + counts.joined <= counts.made);
        assert!(work.stream.map.is_clean());
    }
}
