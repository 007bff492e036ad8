//! Ways to make a program's stores durable.

use super::events::{File, Program};
use crate::{
    backing::Region,
    memory::Memory,
    peers::{Map, Recorder, Store},
    pmem::Pmem,
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use std::{ops::Range, ptr};

const PAGE: u64 = 4096;

/// The memory of a program's files.
pub struct Disk {
    pub memories: Vec<Memory>,
    pub files: Vec<File>,
}

impl Disk {
    pub fn new(program: &Program) -> std::io::Result<Self> {
        let memory = |file: &File| Memory::new(file.size.max(1).next_multiple_of(PAGE) as usize);
        Ok(Self {
            memories: program.files.iter().map(memory).collect::<Result<_, _>>()?,
            files: program.files.clone(),
        })
    }
}

/// What is done about a file's stores; says how many lines it flushes.
pub trait Way {
    fn stored(&mut self, file: usize, store: &Store) -> u64;
    /// Of a part of a file that is so long now.
    fn commit(&mut self, file: usize, scope: Range<u64>) -> u64;
    fn truncated(&mut self, _file: usize, _size: u64) {}
}

/// The stores alone.
pub struct Nothing;

impl Way for Nothing {
    fn stored(&mut self, _: usize, _: &Store) -> u64 {
        0
    }

    fn commit(&mut self, _: usize, _: Range<u64>) -> u64 {
        0
    }
}

/// The engine: knows the lines that were stored to, or the pages.
pub struct Engine<'a> {
    files: Vec<(Map<'a>, &'a Region<'a>)>,
    granule: u64,
}

impl<'a> Engine<'a> {
    pub fn lines(regions: &'a [Region<'a>], reserve: &'a Reserve) -> Self {
        Self::new(regions, reserve, 1)
    }

    pub fn pages(regions: &'a [Region<'a>], reserve: &'a Reserve) -> Self {
        Self::new(regions, reserve, PAGE)
    }

    fn new(regions: &'a [Region<'a>], reserve: &'a Reserve, granule: u64) -> Self {
        let file = |region| (Map::new(reserve), region);
        Self {
            files: regions.iter().map(file).collect(),
            granule,
        }
    }
}

impl Way for Engine<'_> {
    fn stored(&mut self, file: usize, store: &Store) -> u64 {
        let start = store.offset / self.granule * self.granule;
        let end = store.end().next_multiple_of(self.granule);
        self.files[file].0.record(&Store::new(start, end - start));
        0
    }

    fn commit(&mut self, file: usize, scope: Range<u64>) -> u64 {
        let (map, region) = &mut self.files[file];
        let committed = map.commit(scope, &mut region.backing());
        committed.map_or(0, |committed| committed.lines)
    }

    fn truncated(&mut self, file: usize, size: u64) {
        self.files[file].0.map.clear(size..MAX_OFFSET);
    }
}

/// Every line that is asked for.
pub struct Whole<'a>(pub &'a [Region<'a>]);

impl Way for Whole<'_> {
    fn stored(&mut self, _: usize, _: &Store) -> u64 {
        0
    }

    fn commit(&mut self, file: usize, scope: Range<u64>) -> u64 {
        if scope.is_empty() {
            return 0;
        }
        let scope = Store::new(scope.start, scope.end - scope.start);
        let region = &self.0[file];
        region.flush(scope.offset, scope.length);
        region.drain();
        let lines = scope.lines();
        lines.end - lines.start
    }
}

/// libpmem, told of each store to a file that is ever committed: waits each time, or at commits.
pub struct Told<'a> {
    pub disk: &'a Disk,
    pub pmem: &'a Pmem,
    pub waits: bool,
}

impl Way for Told<'_> {
    fn stored(&mut self, file: usize, store: &Store) -> u64 {
        if !self.disk.files[file].committed {
            return 0;
        }
        let memory = &self.disk.memories[file];
        assert!(store.end() <= memory.size() as u64);
        let place = ptr::with_exposed_provenance(memory.base() + store.offset as usize);
        let flush = if self.waits {
            self.pmem.persist
        } else {
            self.pmem.flush
        };
        // SAFETY: inside the memory.
        unsafe { flush(place, store.length as usize) };
        let lines = store.lines();
        lines.end - lines.start
    }

    fn commit(&mut self, _: usize, _: Range<u64>) -> u64 {
        if !self.waits {
            // SAFETY: a fence.
            unsafe { (self.pmem.drain)() };
        }
        0
    }
}
