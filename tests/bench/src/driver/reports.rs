//! How a program tells of its stores: by a dirty log, by requests, by faults; and what a commit takes
//! out of a log.

use super::stage::Stage;
use crate::{
    machine,
    measure::Contender,
    results::Comparison,
    suite::{Case, Course, thousands},
};
use daxctl::client::{DaxFile, Device, PAGE, Recording, Simulated};
use daxflush_protocol::{FileRange, MAX_LOG_ENTRIES};
use ntsim::MappedView;
use std::{hint::black_box, os::unix::process::parent_id, sync::Arc};

/// Stores of 64 bytes to a file's view, to lines that are in the caches.
pub const STORES: &str = "stores";
/// Commits of lines that were stored to, by entries of a log.
pub const DRAIN: &str = "drain";

pub const UNTOLD: &str = "not told";
pub const LOG: &str = "dirty log";
pub const BATCHES: &str = "requests of 1,024";
pub const REQUEST: &str = "a request each";
/// As before, and only the time in which the driver's own code runs counts.
pub const REQUEST_ALONE: &str = "its driver alone";
pub const CALL: &str = "a Linux call each";
pub const FAULTS: &str = "first-write faults";
pub const TOLD_BEFORE: &str = "told before";

const STORE: usize = 64;
const PAGES: usize = 1024;
/// How many lines of each page are stored to.
const A_PAGE: [usize; 3] = [1, 8, 64];
const ENTRIES: [usize; 4] = [1, 64, 1024, 16_384];

/// A program with its file, and a view through which nothing is told.
struct Program {
    file: DaxFile<Simulated>,
    device: Arc<Device<Simulated>>,
    untold: MappedView,
    sim: ntsim::Sim,
}

impl Program {
    fn new(stage: &Stage, name: &str, recording: Recording, pages: usize) -> Self {
        let device = Arc::new(Device::open(stage.platform()).expect("the device"));
        let path = format!(r"D:\{name}");
        let mut file = DaxFile::open(&device, &path, recording).expect("a file");
        let bytes = (pages * PAGE) as u64;
        file.set_size(bytes).expect("a size");
        // Before the recording, which then speaks for this view as well.
        let untold = stage.sim.map_view(*file.handle(), 0, bytes, true);
        file.map(0, bytes).expect("a view");
        Self {
            file,
            device,
            untold: untold.expect("a view"),
            sim: stage.sim.clone(),
        }
    }

    fn store(&mut self, offset: usize) {
        let stored = self.file.store(offset as u64, &[9; STORE]);
        stored.expect("a store");
    }

    fn mark(&self, offset: usize) {
        let (offset, length) = (offset as u64, STORE as u64);
        let range = FileRange { offset, length };
        let marked = self.device.mark_dirty(self.file.handle(), &[range]);
        marked.expect("a report");
    }

    /// Everything that was told is durable, and the lines are in the caches.
    fn rest(&mut self, places: &[usize]) {
        self.file.commit().expect("a commit");
        for offset in places {
            self.untold.store(*offset as u64, &[8; STORE]);
        }
        machine::fence();
    }

    fn end(self) {
        self.sim.unmap_view(self.untold);
        self.file.delete().expect("deleted");
    }
}

/// Every kind of telling.
const KINDS: [(&str, Recording); 7] = [
    (UNTOLD, Recording::Conservative),
    (
        LOG,
        Recording::Log {
            entries: MAX_LOG_ENTRIES,
        },
    ),
    (BATCHES, Recording::Report),
    (REQUEST, Recording::Conservative),
    (REQUEST_ALONE, Recording::Conservative),
    (CALL, Recording::Conservative),
    (FAULTS, Recording::Faults),
];

pub fn compared(stage: &Stage, course: &mut Course) -> Vec<Comparison> {
    course.expect(A_PAGE.len());
    let compare = |lines| stores(stage, lines, course);
    A_PAGE.into_iter().map(compare).collect()
}

fn stores(stage: &Stage, a_page: usize, course: &mut Course) -> Comparison {
    let places: Vec<_> = (0..PAGES)
        .flat_map(|page| (0..a_page).map(move |line| page * PAGE + line * STORE))
        .collect();
    let mut programs: Vec<_> = KINDS
        .iter()
        .enumerate()
        .map(|(number, (_, recording))| {
            Program::new(stage, &format!("stores{number}"), *recording, PAGES)
        })
        .collect();
    let mut contenders: Vec<_> = KINDS
        .iter()
        .zip(&mut programs)
        .map(|((name, _), program)| contender(name, program, &places))
        .collect();
    let case = Case {
        workload: STORES,
        name: format!("{a_page} a page"),
        size: a_page as f64,
        unit: "ns a store",
        operations: places.len(),
        sparing: 2,
    };
    let comparison = course.compete(case, &mut contenders);
    drop(contenders);
    programs.into_iter().for_each(Program::end);
    comparison
}

fn contender<'a>(
    name: &'static str,
    program: &'a mut Program,
    places: &'a [usize],
) -> Contender<'a> {
    let prepare = |program: &mut &mut Program| program.rest(places);
    let store_all = move |program: &mut Program| {
        for offset in places {
            program.store(*offset);
            match name {
                REQUEST | REQUEST_ALONE => program.mark(*offset),
                // The least that a transition to a kernel costs here.
                CALL => drop(black_box(parent_id())),
                _ => {}
            }
        }
    };
    if name == REQUEST_ALONE {
        let sim = program.sim.clone();
        let own_time = move || {
            program.rest(places);
            sim.time_in_driver(|| store_all(program)).1
        };
        return Contender::timed(name, || {}, own_time);
    }
    Contender::with(name, program, prepare, move |program| store_all(program))
}

/// Commits of scattered lines that stand in a log, and of ones that the driver knows already.
pub fn drained(stage: &Stage, course: &mut Course) -> Vec<Comparison> {
    course.expect(ENTRIES.len());
    let compare = |entries| drain(stage, entries, course);
    ENTRIES.into_iter().map(compare).collect()
}

fn drain(stage: &Stage, entries: usize, course: &mut Course) -> Comparison {
    let pages = (2 * entries * STORE).div_ceil(PAGE);
    let log = Recording::Log {
        entries: MAX_LOG_ENTRIES,
    };
    let mut logged = Program::new(stage, "logged", log, pages);
    let mut told = Program::new(stage, "told", Recording::Report, pages);
    let prepare = |program: &mut &mut Program| {
        program.file.commit().expect("a commit");
        for number in 0..entries {
            program.store(2 * number * STORE);
        }
        if program.file.log_overflows() != 0 {
            panic!("the log is too small");
        }
    };
    let prepare_told = |program: &mut &mut Program| {
        prepare(program);
        program.file.publish().expect("a report");
    };
    let commit = |program: &mut &mut Program| program.file.commit().expect("a commit");
    let mut contenders = [
        Contender::with(LOG, &mut logged, prepare, commit),
        Contender::with(TOLD_BEFORE, &mut told, prepare_told, commit),
    ];
    let case = Case {
        workload: DRAIN,
        name: match entries {
            1 => "1 entry".to_owned(),
            _ => format!("{} entries", thousands(entries)),
        },
        size: entries as f64,
        unit: "ns a commit",
        operations: 1,
        sparing: if entries > 4096 { 4 } else { 1 },
    };
    let comparison = course.compete(case, &mut contenders);
    drop(contenders);
    logged.end();
    told.end();
    comparison
}
