//! Group commit: several threads that make one stream durable.

mod work;

use crate::{
    backing::Region,
    memory::Memory,
    pmem::Pmem,
    results::{Axis, Cell, Comparison, Drawing, Line, Panel, Picture, Results, Scale, Table},
    suite::{Case, Course, Suite},
};
use daxflush_engine::Reserve;
use daxflush_nvmem::NvMemory;
use std::error::Error;
use work::{Counts, Work};

pub const SUITE: Suite = Suite {
    name: "group",
    about: "1 to 8 threads that commit one stream",
    rounds: 31,
    run,
};

const OURS: &str = "daxflush";
const APART: &str = "daxflush, each by itself";
const PMEM: &str = "libpmem, no lock";
const WORKLOAD: &str = "threads";

const SIZE: usize = 1 << 20;
const LEAVES: u32 = 1024;
const THREADS: [usize; 5] = [1, 2, 3, 4, 8];
/// In a round, by all threads together.
const COMMITS: usize = 9600;

const AXIS: Axis = Axis {
    name: "threads",
    scale: Scale::Binary,
};

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let memory = Memory::new(SIZE)?;
    let nv = NvMemory::<1>::new();
    nv.init(course.options.seed);
    let region = Region::new(&memory, &nv)?;
    let reserve = Reserve::with_leaves(LEAVES)?;
    let pmem = Pmem::load_or_tell();
    course.expect(THREADS.len());
    let mut counted = Vec::new();
    let mut comparisons = Vec::new();
    for threads in THREADS {
        let case = Case {
            workload: WORKLOAD,
            name: format!("{threads}"),
            size: threads as f64,
            unit: "ns a commit",
            operations: COMMITS,
            sparing: 1,
        };
        let work = Work::new(&memory, &region, &reserve, threads, COMMITS / threads);
        let mut contenders = vec![work.grouped(OURS), work.apart(APART)];
        contenders.extend(pmem.as_ref().map(|pmem| work.persisted(PMEM, pmem)));
        comparisons.push(course.compete(case, &mut contenders));
        drop(contenders);
        counted.push(work.counts());
    }
    Ok(reported(comparisons, &counted))
}

fn reported(comparisons: Vec<Comparison>, counted: &[Counts]) -> Results {
    let mut results = Results::new(comparisons);
    let all = results.of(WORKLOAD);
    let per_second = |_: &Comparison, times: &crate::measure::Times| 1e9 / times.median / 1e6;
    let rates = Table::with_figures(
        "Million commits of one line a second, by all threads together, and ratios of time",
        &all,
        &[(OURS, APART), (OURS, PMEM)],
        per_second,
    );
    let mut shares = Table::new(
        "Group commit",
        ["threads", "drains a commit", "joined, of all"],
    );
    let mut lines = [
        ("drains a commit", Vec::new()),
        ("commits that joined", Vec::new()),
    ];
    for (comparison, counts) in all.iter().zip(counted) {
        let (drains, joined) = (counts.part(counts.drains), counts.part(counts.joined));
        shares.rows.push(vec![
            Cell::text(&comparison.case),
            Cell::Number(drains, 3),
            Cell::Number(joined, 3),
        ]);
        lines[0].1.push((comparison.size, drains));
        lines[1].1.push((comparison.size, joined));
    }
    let series = lines.map(|(name, points)| Line {
        name: name.to_owned(),
        points,
    });
    let pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Threads that commit one stream".to_owned(),
        columns: 2,
        panels: vec![
            Panel::lines_of(
                "Commits of one line (higher is better)",
                "million commits a second",
                AXIS,
                &all,
                per_second,
            ),
            Panel {
                title: "Group commit: one drain for several".to_owned(),
                unit: "part of all commits".to_owned(),
                drawing: Drawing::Lines {
                    x: AXIS,
                    series: series.into(),
                },
            },
        ],
    }];
    results.tables = vec![rates, shares];
    results.pictures = pictures;
    results.notes = vec![
        "Each thread stores to one of its own lines, marks it and commits the stream: arrives, takes the \
         turn, commits in the group. By itself: the same without joining. libpmem: pmem_persist of the \
         line, with nothing that is shared."
            .to_owned(),
    ];
    results
}
