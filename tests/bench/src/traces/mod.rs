//! Real programs: what their commits cost, depending on what is known about their stores.

mod events;
mod play;
mod report;
mod ways;

use crate::{
    backing::Region,
    measure::Contender,
    pmem::Pmem,
    results::Results,
    suite::{Case, Course, Suite},
};
use daxflush_engine::Reserve;
use daxflush_nvmem::NvMemory;
use events::Program;
use play::{Timed, play};
use std::{
    cell::Cell,
    error::Error,
    path::{Path, PathBuf},
};
use ways::{Disk, Engine, Nothing, Told, Way, Whole};

pub const SUITE: Suite = Suite {
    name: "traces",
    about: "what the commits of SQLite and LMDB cost, by what is known about their stores",
    rounds: 21,
    run,
};

const OURS: &str = "daxflush";
const PAGES: &str = "pages, as msync";
const WHOLE: &str = "all that is asked for";
const PERSIST: &str = "libpmem, persist each";
const FLUSH: &str = "libpmem, flush each";
const NOTHING: &str = "stores only";

/// The whole program: its stores, their records and its commits.
const PROGRAM: &str = "program";
/// Only the commits.
const COMMITS: &str = "commits";

const TRACES: [&str; 3] = ["sqlite-wal", "sqlite-rollback", "lmdb-writemap"];
const LEAVES: u32 = 4096;
/// Files of a program.
const FILES: usize = 16;

/// What a program did, and how many lines each way flushed.
struct Counted {
    name: &'static str,
    commits: usize,
    stores: usize,
    lines: Vec<(String, u64)>,
}

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let pmem = Pmem::load_or_tell();
    course.expect(2 * TRACES.len());
    let mut comparisons = Vec::new();
    let mut counted = Vec::new();
    for name in TRACES {
        let program = Program::read(&path(name))?;
        let disk = Disk::new(&program)?;
        let nv = NvMemory::<FILES>::new();
        nv.init(course.options.seed);
        let regions = disk.memories.iter().map(|memory| Region::new(memory, &nv));
        let stage = Stage {
            program: &program,
            disk: &disk,
            regions: &regions.collect::<Result<Vec<_>, _>>()?,
            reserve: &Reserve::with_leaves(LEAVES)?,
            pmem: pmem.as_ref(),
        };
        let lines = Lines::default();
        for (workload, timed) in [(PROGRAM, Timed::Program), (COMMITS, Timed::Commits)] {
            let case = Case {
                workload,
                name: name.to_owned(),
                size: program.commits as f64,
                unit: "ns a commit",
                operations: program.commits,
                sparing: 1,
            };
            comparisons.push(course.compete(case, &mut stage.contenders(timed, &lines)));
        }
        let named = NAMES.into_iter().zip(lines.iter().map(Cell::get));
        counted.push(Counted {
            name,
            commits: program.commits,
            stores: program.stores(),
            lines: named
                .map(|(name, lines)| (name.to_owned(), lines))
                .collect(),
        });
    }
    Ok(report::of(comparisons, &counted))
}

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/traces");
    folder.join(format!("{name}.tsv.gz"))
}

/// In the order of the contenders.
const NAMES: [&str; 6] = [OURS, PAGES, WHOLE, NOTHING, PERSIST, FLUSH];

/// Lines that each of the contenders flushed.
type Lines = [Cell<u64>; NAMES.len()];

struct Stage<'a> {
    program: &'a Program,
    disk: &'a Disk,
    regions: &'a [Region<'a>],
    reserve: &'a Reserve,
    pmem: Option<&'a Pmem>,
}

impl Stage<'_> {
    fn contenders<'s>(&'s self, timed: Timed, lines: &'s Lines) -> Vec<Contender<'s>> {
        let [ours, pages, whole, nothing, persist, flush] = lines;
        let mut contenders = vec![
            self.contender(OURS, timed, Engine::lines(self.regions, self.reserve), ours),
            self.contender(
                PAGES,
                timed,
                Engine::pages(self.regions, self.reserve),
                pages,
            ),
            self.contender(WHOLE, timed, Whole(self.regions), whole),
        ];
        if timed == Timed::Program {
            contenders.push(self.contender(NOTHING, timed, Nothing, nothing));
        }
        let told = |pmem, waits| Told {
            disk: self.disk,
            pmem,
            waits,
        };
        // They flush as they store, so that there is nothing to compare at the commits.
        if let Some(pmem) = self.pmem.filter(|_| timed == Timed::Program) {
            contenders.push(self.contender(PERSIST, timed, told(pmem, true), persist));
            contenders.push(self.contender(FLUSH, timed, told(pmem, false), flush));
        }
        contenders
    }

    fn contender<'s>(
        &'s self,
        name: &str,
        timed: Timed,
        mut way: impl Way + 's,
        flushed: &'s Cell<u64>,
    ) -> Contender<'s> {
        Contender::timed(
            name,
            || {},
            move || {
                let (elapsed, lines) = play(self.program, self.disk, &mut way, timed);
                flushed.set(lines);
                elapsed
            },
        )
    }
}
