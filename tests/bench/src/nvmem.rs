//! The flush routines: workloads and promises.

use crate::{
    Options, machine,
    measure::{Contender, Times, compete},
    memory::{LINE, Memory},
    pmem::Pmem,
};
use daxflush_nvmem::{FlushFlags, NvMemory, NvMemoryRange, NvToken, TokenGuard, WriteFlags};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{ops::RangeInclusive, ptr, slice};

pub const OURS: &str = "daxflush";
pub const OURS_EACH: &str = "daxflush, token looked up";
pub const BARE: &str = "bare loop";
pub const PMEM: &str = "libpmem";
pub const OURS_DRAIN_EACH: &str = "daxflush, drain each";
pub const PMEM_DRAIN_EACH: &str = "libpmem, drain each";
pub const OURS_PERSIST: &str = "daxflush PERSIST";
pub const OURS_FLUSH: &str = "daxflush FLUSH";

/// Bytes that a round touches at least, so that the clock's resolution does not matter.
const ROUND: usize = 256 << 10;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// One range, all of its lines dirty: flush and drain.
    Dirty,
    /// One range, all of its lines clean: flush and drain.
    Clean,
    /// 8 bytes in each of `size` lines, anywhere: flush all, drain.
    Scattered,
    /// Store 8 bytes in each of `size` lines, anywhere, and make all of them durable.
    Stores,
    /// Store 8 bytes, flush and drain, line after line.
    OneLine,
    /// Copy past the caches and drain.
    Write,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub struct Measurement {
    pub workload: Workload,
    /// Bytes of the range or the copy; lines of a scattered workload.
    pub size: usize,
    /// Lines in one operation.
    pub lines: usize,
    /// Nanoseconds for one operation.
    pub times: Vec<Times>,
}

impl Measurement {
    pub fn times(&self, contender: &str) -> Option<&Times> {
        self.times.iter().find(|times| times.contender == contender)
    }

    /// How many times as long as `other` `contender` needs.
    pub fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        Some(self.times(contender)?.ratio(self.times(other)?))
    }
}

/// All measurements, and where they were made.
#[derive(Debug, Serialize)]
pub struct Results {
    pub processor: String,
    pub method: &'static str,
    pub line_size: usize,
    pub rounds: u32,
    pub seed: u64,
    pub measurements: Vec<Measurement>,
}

/// A promised ratio and what was measured.
#[derive(Debug, Serialize)]
pub struct Promise {
    pub what: String,
    pub limit: f64,
    /// The worst one, where there are several.
    pub measured: Option<f64>,
    pub holds: Option<bool>,
}

/// What ratios that should be 1 may be above it: two runs of the same loop differ by that much.
const EQUAL: f64 = 1.02;

impl Results {
    /// The promises of the README.
    pub fn promises(&self) -> Vec<Promise> {
        use Workload::{Clean, Dirty, OneLine, Scattered, Stores, Write};
        let worst = |workloads: &[Workload], sizes: RangeInclusive<usize>, own, other| {
            self.measurements
                .iter()
                .filter(|m| workloads.contains(&m.workload) && sizes.contains(&m.size))
                .filter_map(|m| m.ratio(own, other))
                .reduce(f64::max)
        };
        let (large, thousand) = (4096..=usize::MAX, 1024..=1024);
        let lines = |workload, other| worst(&[workload], thousand.clone(), OURS, other);
        let ranges = |other| worst(&[Dirty, Clean], large.clone(), OURS, other);
        let one_line = |own| worst(&[OneLine], 8..=8, own, PMEM);
        let promise = |what: &str, limit: f64, measured: Option<f64>| Promise {
            what: what.to_owned(),
            limit,
            measured,
            holds: measured.map(|measured| measured <= limit),
        };
        vec![
            promise(
                "1,024 scattered lines, flushed / bare loop",
                1.15,
                lines(Scattered, BARE),
            ),
            promise(
                "1,024 scattered stores made durable / bare loop",
                1.15,
                lines(Stores, BARE),
            ),
            promise(
                "1,024 scattered stores made durable / libpmem, flush each, drain once",
                1.0 / 1.5,
                lines(Stores, PMEM),
            ),
            promise(
                "1,024 scattered lines, flushed / libpmem, flush each, drain once",
                1.0 / 1.5,
                lines(Scattered, PMEM),
            ),
            promise("ranges of 4 KiB and more / bare loop", 1.05, ranges(BARE)),
            promise("ranges of 4 KiB and more / libpmem", EQUAL, ranges(PMEM)),
            promise(
                "one line, flushed and drained / pmem_persist",
                EQUAL,
                one_line(OURS),
            ),
            promise(
                "one line, with a look-up of the token / pmem_persist",
                EQUAL,
                one_line(OURS_EACH),
            ),
            promise(
                "non-temporal copies of 4 KiB and more / pmem_memcpy_persist",
                EQUAL,
                worst(&[Write], large.clone(), OURS, PMEM),
            ),
        ]
    }
}

/// Everything that contenders need.
struct Stage<'a> {
    memory: &'a Memory,
    source: &'a Memory,
    nv: &'a NvMemory<1>,
    token: NvToken,
    guard: &'a TokenGuard<'a>,
    pmem: Option<&'a Pmem>,
}

pub fn run(options: &Options) -> Result<Results, Box<dyn std::error::Error>> {
    let size = (options.largest as usize) << 20;
    let (memory, source) = (Memory::new(size)?, Memory::new(size)?);
    let pmem = Pmem::load()
        .inspect_err(|error| eprintln!("bench: {error}"))
        .ok();
    let nv = NvMemory::new();
    nv.init(options.seed);
    // SAFETY: the memory outlives the token, which is never freed.
    let token = unsafe { nv.get_token(memory.base(), memory.size()) }?;
    let guard = nv.acquire(token)?;
    let stage = Stage {
        memory: &memory,
        source: &source,
        nv: &nv,
        token,
        guard: &guard,
        pmem: pmem.as_ref(),
    };
    let plan = plan(size);
    let progress = ProgressBar::new(plan.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut random = Rng::with_seed(options.seed);
    let mut measurements = Vec::new();
    for (workload, size) in plan {
        progress.set_message(format!("{workload:?} {size}"));
        measurements.push(stage.measure(workload, size, options.rounds, &mut random));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(Results {
        processor: processor(),
        method: nv.method().name(),
        line_size: nv.line_size(),
        rounds: options.rounds,
        seed: options.seed,
        measurements,
    })
}

fn plan(largest: usize) -> Vec<(Workload, usize)> {
    let powers = |first: usize, last: usize, factor: usize| {
        std::iter::successors(Some(first), move |size| Some(size * factor))
            .take_while(move |size| *size <= last)
    };
    let mut plan = Vec::new();
    for workload in [Workload::Dirty, Workload::Clean, Workload::Write] {
        plan.extend(powers(LINE, largest, 4).map(|size| (workload, size)));
    }
    plan.extend(powers(1, 16384, 4).map(|lines| (Workload::Scattered, lines)));
    plan.extend(powers(1, 16384, 4).map(|lines| (Workload::Stores, lines)));
    plan.push((Workload::OneLine, 8));
    plan
}

impl Stage<'_> {
    fn measure(
        &self,
        workload: Workload,
        size: usize,
        rounds: u32,
        random: &mut Rng,
    ) -> Measurement {
        // Big ones say the same each time.
        let rounds = if size >= 4 << 20 {
            rounds.div_ceil(4)
        } else {
            rounds
        } as usize;
        let (times, lines) = match workload {
            Workload::Dirty => (self.range(size, true, rounds, random), size / LINE),
            Workload::Clean => (self.range(size, false, rounds, random), size / LINE),
            Workload::Scattered => (self.scattered(size, rounds, random), size),
            Workload::Stores => (self.stores(size, rounds, random), size),
            Workload::OneLine => (self.one_line(rounds, random), 1),
            Workload::Write => (self.write(size, rounds, random), size / LINE),
        };
        Measurement {
            workload,
            size,
            lines,
            times,
        }
    }

    fn range(&self, size: usize, dirty: bool, rounds: usize, random: &mut Rng) -> Vec<Times> {
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
        compete(&mut contenders, blocks, rounds, random)
    }

    /// Offsets of 8-byte words in distinct or, rarely, the same lines.
    fn anywhere(&self, count: usize, random: &mut Rng) -> Vec<usize> {
        let lines = self.memory.size() / LINE;
        (0..count)
            .map(|_| random.usize(..lines) * LINE + 8 * random.usize(..8))
            .collect()
    }

    fn stores(&self, lines: usize, rounds: usize, random: &mut Rng) -> Vec<Times> {
        let repeats = (1024 / lines).max(1);
        let offsets = self.anywhere(lines * repeats, random);
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
        compete(&mut contenders, repeats, rounds, random)
    }

    fn scattered(&self, lines: usize, rounds: usize, random: &mut Rng) -> Vec<Times> {
        let repeats = (1024 / lines).max(1);
        let chosen = self.anywhere(lines * repeats, random);
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
        compete(&mut contenders, repeats, rounds, random)
    }

    fn one_line(&self, rounds: usize, random: &mut Rng) -> Vec<Times> {
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
        compete(&mut contenders, LINES, rounds, random)
    }

    fn write(&self, size: usize, rounds: usize, random: &mut Rng) -> Vec<Times> {
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
        compete(&mut contenders, blocks, rounds, random)
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, value)| value.trim())
    };
    format!(
        "{}, family {}, model {}",
        field("model name"),
        field("cpu family"),
        field("model\t")
    )
}
