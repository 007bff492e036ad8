//! What the contenders do with lines anywhere.

use super::{
    BARE, OURS, OURS_DRAIN_EACH, OURS_EACH, PMEM, PMEM_DRAIN_EACH, SCATTERED, STORES, case,
    work::Stage,
};
use crate::{machine, measure::Contender, memory::LINE, results::Comparison, suite::Course};
use daxflush_nvmem::{FlushFlags, NvMemoryRange};
use fastrand::Rng;
use std::ptr;

impl Stage<'_> {
    /// Offsets of 8-byte words in distinct or, rarely, the same lines.
    fn anywhere(&self, count: usize, random: &mut Rng) -> Vec<usize> {
        let lines = self.memory.size() / LINE;
        (0..count)
            .map(|_| random.usize(..lines) * LINE + 8 * random.usize(..8))
            .collect()
    }

    pub fn stores(&self, lines: usize, course: &mut Course) -> Comparison {
        let repeats = (1024 / lines).max(1);
        let offsets = self.anywhere(lines * repeats, &mut course.random);
        let base = self.memory.base();
        let prepare = || {
            for offset in &offsets {
                self.memory.store(*offset);
            }
            machine::fence();
        };
        let method = self.nv.method();
        let offsets = &offsets;
        let mut ranges = Vec::with_capacity(lines);
        let mut contenders = vec![
            Contender::new(OURS, prepare, move || {
                for offsets in offsets.chunks(lines) {
                    ranges.clear();
                    for offset in offsets {
                        self.memory.store(*offset);
                        ranges.push(NvMemoryRange::new(base + offset, 8));
                    }
                    let _ = self.guard.flush_ranges(&ranges, FlushFlags::empty());
                }
            }),
            Contender::new(BARE, prepare, move || {
                for offsets in offsets.chunks(lines) {
                    for offset in offsets {
                        self.memory.store(*offset);
                        // SAFETY: inside the memory; the method was chosen for this processor.
                        unsafe { machine::flush(method, base + offset, base + offset + 1) };
                    }
                    machine::fence();
                }
            }),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(PMEM, prepare, move || {
                for offsets in offsets.chunks(lines) {
                    for offset in offsets {
                        self.memory.store(*offset);
                        // SAFETY: inside the memory.
                        unsafe { (pmem.flush)(ptr::with_exposed_provenance(base + offset), 8) };
                    }
                    // SAFETY: a fence.
                    unsafe { (pmem.drain)() };
                }
            }));
        }
        let case = case(STORES, lines, repeats * lines);
        course.compete(case, &mut contenders)
    }

    pub fn scattered(&self, lines: usize, course: &mut Course) -> Comparison {
        let repeats = (1024 / lines).max(1);
        let chosen = self.anywhere(lines * repeats, &mut course.random);
        let base = self.memory.base();
        let addresses: Vec<_> = chosen.iter().map(|offset| base + offset).collect();
        let ranges: Vec<_> = addresses
            .iter()
            .map(|address| NvMemoryRange::new(*address, 8))
            .collect();
        let prepare = || {
            for offset in &chosen {
                self.memory.store(*offset);
            }
            machine::fence();
        };
        let method = self.nv.method();
        let (addresses, ranges) = (&addresses, &ranges);
        let mut contenders = vec![
            Contender::new(OURS, prepare, move || {
                for ranges in ranges.chunks(lines) {
                    let _ = self.guard.flush_ranges(ranges, FlushFlags::empty());
                }
            }),
            Contender::new(OURS_EACH, prepare, move || {
                for ranges in ranges.chunks(lines) {
                    let _ = self
                        .nv
                        .flush_ranges(self.token, ranges, FlushFlags::empty());
                }
            }),
            Contender::new(BARE, prepare, move || {
                for addresses in addresses.chunks(lines) {
                    // SAFETY: inside the memory; the method was chosen for this processor.
                    unsafe { machine::flush_each(method, addresses) };
                    machine::fence();
                }
            }),
            Contender::new(OURS_DRAIN_EACH, prepare, move || {
                for range in ranges {
                    let (base, size) = (range.base_address, range.length);
                    let _ = self.guard.flush(base, size, FlushFlags::empty());
                }
            }),
        ];
        if let Some(pmem) = self.pmem {
            contenders.push(Contender::new(PMEM, prepare, move || {
                for addresses in addresses.chunks(lines) {
                    for address in addresses {
                        // SAFETY: inside the memory.
                        unsafe { (pmem.flush)(ptr::with_exposed_provenance(*address), 8) };
                    }
                    // SAFETY: a fence.
                    unsafe { (pmem.drain)() };
                }
            }));
            contenders.push(Contender::new(PMEM_DRAIN_EACH, prepare, move || {
                for address in addresses {
                    // SAFETY: inside the memory.
                    unsafe { (pmem.persist)(ptr::with_exposed_provenance(*address), 8) };
                }
            }));
        }
        let case = case(SCATTERED, lines, repeats * lines);
        course.compete(case, &mut contenders)
    }
}
