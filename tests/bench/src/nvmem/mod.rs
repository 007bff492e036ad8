//! The flush routines: workloads, tables and plots.

mod promises;
mod scattered;
mod work;

use crate::{
    memory::{LINE, Memory},
    pmem::Pmem,
    results::{Axis, Panel, Picture, Results, Scale, Table},
    suite::{Case, Course, Suite, bytes, counted},
};
use daxflush_nvmem::NvMemory;
use std::error::Error;
use work::Stage;

pub const SUITE: Suite = Suite {
    name: "nvmem",
    about: "the flush routines against libpmem and the bare instructions",
    rounds: 101,
    run,
};

pub const OURS: &str = "daxflush";
pub const OURS_EACH: &str = "daxflush, token looked up";
pub const BARE: &str = "bare loop";
pub const PMEM: &str = "libpmem";
pub const OURS_DRAIN_EACH: &str = "daxflush, drain each";
pub const PMEM_DRAIN_EACH: &str = "libpmem, drain each";
pub const OURS_PERSIST: &str = "daxflush PERSIST";
pub const OURS_FLUSH: &str = "daxflush FLUSH";

/// One range, all of its lines dirty: flush and drain.
const DIRTY: &str = "dirty";
/// One range, all of its lines clean: flush and drain.
const CLEAN: &str = "clean";
/// 8 bytes in each of some lines, anywhere: flush all, drain.
const SCATTERED: &str = "scattered";
/// Store 8 bytes in each of some lines, anywhere, and make all of them durable.
const STORES: &str = "stores";
/// Store 8 bytes, flush and drain, line after line.
const ONE_LINE: &str = "one-line";
/// Copy past the caches and drain.
const WRITE: &str = "write";

const BYTES: Axis = Axis {
    name: "bytes",
    scale: Scale::Binary,
};
const LINES: Axis = Axis {
    name: "lines",
    scale: Scale::Binary,
};

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let size = (course.options.largest as usize) << 20;
    let (memory, source) = (Memory::new(size)?, Memory::new(size)?);
    let pmem = Pmem::load_or_tell();
    let nv = NvMemory::new();
    nv.init(course.options.seed);
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
    Ok(reported(measured(&stage, size, course)))
}

fn measured(stage: &Stage<'_>, largest: usize, course: &mut Course) -> Results {
    let powers = |first: usize, last: usize| {
        std::iter::successors(Some(first), move |size| Some(size * 4))
            .take_while(move |size| *size <= last)
    };
    let (sizes, counts) = (powers(LINE, largest), powers(1, 16384));
    course.expect(3 * sizes.clone().count() + 2 * counts.clone().count() + 1);
    let mut comparisons = Vec::new();
    for size in sizes {
        comparisons.push(stage.range(size, true, course));
        comparisons.push(stage.range(size, false, course));
        comparisons.push(stage.write(size, course));
    }
    for lines in counts {
        comparisons.push(stage.scattered(lines, course));
        comparisons.push(stage.stores(lines, course));
    }
    comparisons.push(stage.one_line(course));
    Results::new(comparisons)
}

fn case(workload: &'static str, size: usize, operations: usize) -> Case {
    Case {
        workload,
        name: match workload {
            SCATTERED | STORES => counted(size, "line"),
            _ => bytes(size as u64),
        },
        size: size as f64,
        unit: match workload {
            WRITE => "ns a copy",
            STORES => "ns a store",
            _ => "ns a line",
        },
        operations,
        sparing: if size >= 4 << 20 { 4 } else { 1 },
    }
}

fn reported(mut results: Results) -> Results {
    results.promises = promises::of(&results);
    let ratios = [(OURS, BARE), (OURS, PMEM)];
    let table = |workload, title| Table::of(title, &results.of(workload), &ratios);
    results.tables = vec![
        table(
            DIRTY,
            "A dirty range, flushed and drained: ns a line (median), and ratios",
        ),
        table(
            CLEAN,
            "A clean range, flushed and drained: ns a line (median), and ratios",
        ),
        table(SCATTERED, "Scattered lines: ns a line (median), and ratios"),
        table(
            STORES,
            "Scattered 8-byte stores made durable: ns a store (median), and ratios",
        ),
        table(
            ONE_LINE,
            "One line stored, flushed and drained: ns (median), and ratios",
        ),
        Table::with_figures(
            "A copy made durable: GB/s (median), and ratios of time",
            &results.of(WRITE),
            &ratios,
            |copy, times| copy.size / times.median,
        ),
    ];
    let panel = |workload, title, x| Panel::lines(title, x, &results.of(workload));
    results.pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Flush routines: lower is better, except for the copy".to_owned(),
        columns: 2,
        panels: vec![
            panel(DIRTY, "Dirty range, flush + drain", BYTES),
            panel(CLEAN, "Clean range, flush + drain", BYTES),
            panel(STORES, "Scattered stores made durable", LINES),
            Panel::lines_of(
                "Copy made durable (higher is better)",
                "GB/s",
                BYTES,
                &results.of(WRITE),
                |copy, times| copy.size / times.median,
            ),
        ],
    }];
    results
}
