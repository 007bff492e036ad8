//! What the contenders do.

use super::{BARE, DRAIN_ONCE, OURS, PERSIST, WHOLE};
use crate::{
    backing::Region,
    machine,
    measure::Contender,
    memory::{LINE, Memory},
    peers::{Map, Recorder, Store},
    pmem::Pmem,
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use daxflush_nvmem::Method;
use std::{ops::Range, ptr};

pub struct Work<'a> {
    memory: &'a Memory,
    region: &'a Region<'a>,
    method: Method,
    pmem: Option<&'a Pmem>,
    /// As a program makes them.
    stores: Vec<Store>,
    /// The same as addresses, in order.
    places: Vec<Range<usize>>,
    /// The first addresses, if each has one line.
    lines: Option<Vec<usize>>,
}

impl<'a> Work<'a> {
    pub fn new(
        memory: &'a Memory,
        region: &'a Region<'a>,
        method: Method,
        pmem: Option<&'a Pmem>,
        stores: Vec<Store>,
    ) -> Self {
        let base = memory.base();
        let place = |store: &Store| base + store.offset as usize..base + store.end() as usize;
        let mut places: Vec<_> = stores.iter().map(place).collect();
        places.sort_by_key(|place| place.start);
        assert!(
            places
                .last()
                .is_none_or(|last| last.end <= base + memory.size())
        );
        let single = places.iter().all(|place| place.len() == LINE);
        let lines = single.then(|| places.iter().map(|place| place.start).collect());
        Self {
            memory,
            region,
            method,
            pmem,
            stores,
            places,
            lines,
        }
    }

    /// Stores to every line, so that it is dirty in the caches.
    fn store(&self) {
        self.store_and(|_| {});
    }

    fn store_and(&self, mut told: impl FnMut(&Store)) {
        for store in &self.stores {
            self.memory
                .dirty(store.offset as usize, store.length as usize);
            told(store);
        }
        machine::fence();
    }

    pub fn contenders<'s>(&'s self, reserve: &'s Reserve) -> Vec<Contender<'s>> {
        let mut contenders = vec![
            Contender::with(
                OURS,
                Map::new(reserve),
                |map| self.store_and(|store| map.record(store)),
                |map| {
                    let committed = map.commit(0..MAX_OFFSET, &mut self.region.backing());
                    assert!(committed.is_ok());
                },
            ),
            Contender::new(BARE, || self.store(), || self.bare()),
            Contender::new(
                WHOLE,
                || self.store(),
                || {
                    self.region.flush(0, self.memory.size() as u64);
                    self.region.drain();
                },
            ),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(
                PERSIST,
                || self.store(),
                || self.persist(pmem),
            ));
            contenders.push(Contender::new(
                DRAIN_ONCE,
                || self.store(),
                || self.drain_once(pmem),
            ));
        }
        contenders
    }

    fn bare(&self) {
        // SAFETY: inside the memory; the method was chosen for this processor.
        unsafe {
            match &self.lines {
                Some(lines) => machine::flush_each(self.method, lines),
                None => {
                    for place in &self.places {
                        machine::flush(self.method, place.start, place.end);
                    }
                }
            }
        }
        machine::fence();
    }

    fn persist(&self, pmem: &Pmem) {
        for place in &self.places {
            // SAFETY: inside the memory.
            unsafe { (pmem.persist)(ptr::with_exposed_provenance(place.start), place.len()) };
        }
    }

    fn drain_once(&self, pmem: &Pmem) {
        for place in &self.places {
            // SAFETY: inside the memory.
            unsafe { (pmem.flush)(ptr::with_exposed_provenance(place.start), place.len()) };
        }
        // SAFETY: a fence.
        unsafe { (pmem.drain)() };
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, Memory, Recorder, Region, Work};
    use crate::workloads::scattered;
    use daxflush_engine::{MAX_OFFSET, Reserve};
    use daxflush_nvmem::NvMemory;

    #[test]
    fn the_engine_flushes_what_the_list_has() {
        let memory = Memory::new(1 << 20).expect("memory");
        let nv = NvMemory::<1>::new();
        nv.init(1);
        let region = Region::new(&memory, &nv).expect("a token");
        let reserve = Reserve::with_nodes(64).expect("nodes");
        for length in [64, 4096] {
            let stores = scattered(1 << 20, 100, length, &mut fastrand::Rng::with_seed(9));
            let work = Work::new(&memory, &region, nv.method(), None, stores);
            assert_eq!(work.lines.is_some(), length == 64);
            let mut map = Map::new(&reserve);
            work.store_and(|store| map.record(store));
            let mut backing = region.backing();
            let committed = map.commit(0..MAX_OFFSET, &mut backing).expect("a commit");
            let bytes: usize = work.places.iter().map(|place| place.len()).sum();
            assert_eq!(committed.lines as usize * 64, bytes);
            assert_eq!((backing.lines, backing.drains), (committed.lines, 1));
        }
    }
}
