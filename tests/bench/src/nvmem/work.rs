//! What the contenders do.

use super::{
    BARE, CLEAN, DIRTY, ONE_LINE, OURS, OURS_EACH, OURS_FLUSH, OURS_PERSIST, PMEM, WRITE, case,
};
use crate::{
    machine,
    measure::Contender,
    memory::{LINE, Memory},
    pmem::Pmem,
    results::Comparison,
    suite::Course,
};
use daxflush_nvmem::{FlushFlags, NvMemory, NvToken, TokenGuard, WriteFlags};
use std::{ptr, slice};

/// Bytes that a round touches at least, so that the clock's resolution does not matter.
const ROUND: usize = 256 << 10;

/// Everything that contenders need.
pub struct Stage<'a> {
    pub memory: &'a Memory,
    pub source: &'a Memory,
    pub nv: &'a NvMemory<1>,
    pub token: NvToken,
    pub guard: &'a TokenGuard<'a>,
    pub pmem: Option<&'a Pmem>,
}

impl Stage<'_> {
    pub fn range(&self, size: usize, dirty: bool, course: &mut Course) -> Comparison {
        let blocks = (ROUND / size).max(1);
        let base = self.memory.base();
        let all = move || (0..blocks).map(move |block| base + block * size);
        let prepare = || {
            if dirty {
                self.memory.dirty(0, blocks * size);
            }
            machine::fence();
        };
        let method = self.nv.method();
        let mut contenders = vec![
            Contender::new(OURS, prepare, move || {
                for place in all() {
                    let _ = self.guard.flush(place, size, FlushFlags::empty());
                }
            }),
            Contender::new(OURS_EACH, prepare, move || {
                for place in all() {
                    let _ = self.nv.flush(self.token, place, size, FlushFlags::empty());
                }
            }),
            Contender::new(BARE, prepare, move || {
                for place in all() {
                    // SAFETY: inside the memory; the method was chosen for this processor.
                    unsafe { machine::flush(method, place, place + size) };
                    machine::fence();
                }
            }),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(PMEM, prepare, move || {
                for place in all() {
                    // SAFETY: inside the memory.
                    unsafe { (pmem.persist)(ptr::with_exposed_provenance(place), size) };
                }
            }));
        }
        let workload = if dirty { DIRTY } else { CLEAN };
        let case = case(workload, size, blocks * size / LINE);
        course.compete(case, &mut contenders)
    }

    pub fn one_line(&self, course: &mut Course) -> Comparison {
        const LINES: usize = 1024;
        let offsets: Vec<_> = (0..LINES).map(|line| line * LINE).collect();
        let base = self.memory.base();
        let offsets = &offsets;
        let method = self.nv.method();
        let nothing = || machine::fence();
        let mut contenders = vec![
            Contender::new(OURS, nothing, move || {
                for offset in offsets {
                    self.memory.store(*offset);
                    let _ = self.guard.flush(base + offset, 8, FlushFlags::empty());
                }
            }),
            Contender::new(OURS_EACH, nothing, move || {
                for offset in offsets {
                    self.memory.store(*offset);
                    let place = base + offset;
                    let _ = self.nv.flush(self.token, place, 8, FlushFlags::empty());
                }
            }),
            Contender::new(BARE, nothing, move || {
                for offset in offsets {
                    self.memory.store(*offset);
                    // SAFETY: inside the memory; the method was chosen for this processor.
                    unsafe { machine::flush(method, base + offset, base + offset + 8) };
                    machine::fence();
                }
            }),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(PMEM, nothing, move || {
                for offset in offsets {
                    self.memory.store(*offset);
                    // SAFETY: inside the memory.
                    unsafe { (pmem.persist)(ptr::with_exposed_provenance(base + offset), 8) };
                }
            }));
        }
        let case = case(ONE_LINE, 8, LINES);
        course.compete(case, &mut contenders)
    }

    pub fn write(&self, size: usize, course: &mut Course) -> Comparison {
        let blocks = (ROUND / size).max(1);
        let (base, source) = (self.memory.base(), self.source.base());
        let nothing = || machine::fence();
        let ours = |name: &'static str, flags: WriteFlags| {
            Contender::new(name, nothing, move || {
                for offset in (0..blocks).map(|block| block * size) {
                    // SAFETY: both lie in their memory, and nobody else uses them.
                    unsafe {
                        let from = ptr::with_exposed_provenance(source + offset);
                        let from = slice::from_raw_parts(from, size);
                        let _ = self.guard.write(base + offset, from, flags);
                    }
                }
            })
        };
        let mut contenders = vec![
            ours(OURS, WriteFlags::NON_TEMPORAL),
            ours(OURS_PERSIST, WriteFlags::PERSIST),
            ours(OURS_FLUSH, WriteFlags::FLUSH),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(PMEM, nothing, move || {
                for offset in (0..blocks).map(|block| block * size) {
                    let to = ptr::with_exposed_provenance_mut(base + offset);
                    let from = ptr::with_exposed_provenance(source + offset);
                    // SAFETY: both lie in their memory, and nobody else uses them.
                    unsafe { (pmem.memcpy_persist)(to, from, size) };
                }
            }));
        }
        let case = case(WRITE, size, blocks);
        course.compete(case, &mut contenders)
    }
}
