//! What the contenders do.

use super::{BARE, DRAIN_ONCE, FLAT, OURS, PERSIST, WHOLE};
use crate::{
    backing::Region,
    machine,
    measure::Contender,
    memory::{LINE, Memory},
    peers::{Flat, Map, Recorder, Store},
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
            self.recording(OURS, Map::new(reserve), |map| {
                map.commit(0..MAX_OFFSET, &mut self.region.backing())
                    .is_ok()
            }),
            self.recording(FLAT, Flat::new(self.memory.size() as u64), |flat| {
                flat.commit(0..MAX_OFFSET, &mut self.region.backing())
                    .is_ok()
            }),
            self.knowing(BARE, || self.bare()),
            self.knowing(WHOLE, || {
                self.region.flush(0, self.memory.size() as u64);
                self.region.drain();
            }),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(self.knowing(PERSIST, || self.persist(pmem)));
            contenders.push(self.knowing(DRAIN_ONCE, || self.drain_once(pmem)));
        }
        contenders
    }

    /// Somebody to whom the stores are told.
    fn recording<'s, R: Recorder + 's>(
        &'s self,
        name: &str,
        recorder: R,
        commit: impl Fn(&mut R) -> bool + 's,
    ) -> Contender<'s> {
        let store = |recorder: &mut R| self.store_and(|store| recorder.record(store));
        let commit = move |recorder: &mut R| {
            assert!(commit(recorder), "a commit failed");
            machine::settle();
        };
        Contender::with(name, recorder, store, commit)
    }

    /// Somebody who has a list.
    fn knowing<'s>(&'s self, name: &str, flush: impl Fn() + 's) -> Contender<'s> {
        let flush = move || {
            flush();
            machine::settle();
        };
        Contender::new(name, || self.store_and(|_| {}), flush)
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
        let reserve = Reserve::with_leaves(64).expect("memory");
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
