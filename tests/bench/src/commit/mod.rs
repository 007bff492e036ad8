//! Whole commits: dirty lines in, durable out.

mod work;

use crate::{
    backing::Region,
    memory::Memory,
    peers::Store,
    pmem::Pmem,
    results::{Axis, Comparison, Panel, Picture, Promise, Results, Scale, Table},
    suite::{Case, Course, Suite, counted},
    workloads::{every, scattered},
};
use daxflush_engine::Reserve;
use daxflush_nvmem::NvMemory;
use std::error::Error;
use work::Work;

pub const SUITE: Suite = Suite {
    name: "commit",
    about: "dirty lines made durable by the engine, against bare flushes and libpmem",
    rounds: 201,
    run,
};

pub const OURS: &str = "daxflush";
pub const FLAT: &str = "flat bitmap";
pub const BARE: &str = "bare loop";
pub const PERSIST: &str = "libpmem, persist each";
pub const DRAIN_ONCE: &str = "libpmem, drain once";
pub const WHOLE: &str = "whole range";

/// Lines anywhere.
const LINES: &str = "lines";
/// Whole pages, and all of it.
const BLOCKS: &str = "blocks";

const SIZE: u64 = 64 << 20;
const PAGE: u64 = 4096;
const LEAVES: u32 = 2048;
const ALL: &str = "64 MiB, all dirty";

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let memory = Memory::new(SIZE as usize)?;
    let nv = NvMemory::<1>::new();
    nv.init(course.options.seed);
    let region = Region::new(&memory, &nv)?;
    let reserve = Reserve::with_leaves(LEAVES)?;
    let pmem = Pmem::load_or_tell();
    let plan = plan(course);
    course.expect(plan.len());
    let comparisons = plan.into_iter().map(|(case, stores)| {
        let work = Work::new(&memory, &region, nv.method(), pmem.as_ref(), stores);
        course.compete(case, &mut work.contenders(&reserve))
    });
    let results = Results::new(comparisons.collect());
    if reserve.coarse_marks() != 0 {
        return Err("the reserve was too small: tracking became coarse".into());
    }
    Ok(reported(results))
}

fn plan(course: &mut Course) -> Vec<(Case, Vec<Store>)> {
    let case = |workload, name, stores: &[Store], sparing| Case {
        workload,
        name,
        size: stores.len() as f64,
        unit: "ns a line",
        operations: stores.iter().map(|store| store.lines().count()).sum(),
        sparing,
    };
    let mut plan = Vec::new();
    for count in [1, 16, 64, 256, 1024, 4096, 16384] {
        let stores = scattered(SIZE, count, 64, &mut course.random);
        let name = counted(count, "line");
        plan.push((case(LINES, name, &stores, 1), stores));
    }
    for count in [16, 256, 1024] {
        let stores = scattered(SIZE, count, PAGE, &mut course.random);
        let name = counted(count, "page");
        plan.push((case(BLOCKS, name, &stores, 1), stores));
    }
    let stores = every(SIZE, PAGE, PAGE);
    plan.push((case(BLOCKS, ALL.to_owned(), &stores, 2), stores));
    plan
}

fn reported(mut results: Results) -> Results {
    let against = |case: &str, other| {
        let found = results.comparisons.iter().find(|c| c.case == case);
        found.and_then(|c: &Comparison| c.ratio(OURS, other))
    };
    let promises = vec![
        Promise::at_most(
            "1,024 lines: daxflush / bare loop",
            1.25,
            against("1,024 lines", BARE),
        ),
        Promise::at_most(
            "64 MiB, all dirty: daxflush / bare loop",
            1.05,
            against(ALL, BARE),
        ),
    ];
    let ratios = [
        (OURS, BARE),
        (OURS, PERSIST),
        (OURS, DRAIN_ONCE),
        (OURS, WHOLE),
    ];
    let lines = results.of(LINES);
    let blocks = results.of(BLOCKS);
    let tables = vec![
        Table::of(
            "Scattered lines of 64 MiB made durable: ns a line, and ratios",
            &lines,
            &ratios,
        ),
        Table::of(
            "Pages of 64 MiB made durable: ns a line, and ratios",
            &blocks,
            &ratios,
        ),
    ];
    let x = Axis {
        name: "lines",
        scale: Scale::Binary,
    };
    let pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Commits: lower is better".to_owned(),
        columns: 2,
        panels: vec![
            Panel::lines("Scattered lines of 64 MiB made durable", x, &lines),
            Panel::bars("Pages of 64 MiB made durable", &blocks),
        ],
    }];
    results.promises = promises;
    results.tables = tables;
    results.pictures = pictures;
    results.notes = vec![
        "Flat bitmap: the engine's flushes, of what a flat bitmap has. The bare loop has its lines in a list, in order, and knows nothing else. libpmem is called for \
         each store. Whole range: every line of the 64 MiB is flushed, because nobody knows which are \
         dirty."
            .to_owned(),
    ];
    results
}
