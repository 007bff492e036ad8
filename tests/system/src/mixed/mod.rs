//! Two hours of mixed work: eight threads, each a process of its own, do everything that the README
//! says is tracked to 64 files, commit it in every way, and lose the power again and again.
//!
//! A typical load is taken to be 50 operations a second, so that two hours are
//! [`TWO_HOURS`] of them. A run's choices follow from its seed; how its threads meet does not, so
//! that a failure may need its seed several times.

mod model;
mod operations;
mod place;
mod program;
mod worker;

use crate::{Client, driver};
use daxctl::random::Random;
use daxflush_protocol::Statistics;
use ntsim::{CutPolicy, Sim, SimOptions, VolumeOptions};
use place::{Common, FILES, LONG};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering::Relaxed,
};
use worker::Worker;

/// Operations.
pub const TWO_HOURS: u64 = 2 * 60 * 60 * 50;
const THREADS: u64 = 8;
const SERVICE: &str = "daxflush";
/// Few views and small windows, so that views come and go all the time.
const SETTINGS: [(&str, u32); 3] = [("MaxViews", 24), ("ViewWindowMiB", 1), ("MaxViewMiB", 24)];

/// What a run did.
pub struct Summary {
    /// How often each kind of operation succeeded.
    pub done: BTreeMap<&'static str, u64>,
    /// What operations failed with.
    pub refusals: BTreeSet<String>,
    /// Commits that programs asked for by name.
    pub commits: u64,
    /// Power cuts.
    pub cuts: u64,
    /// What was lost.
    pub losses: Vec<String>,
    /// The driver's counters when all was closed.
    pub statistics: Statistics,
}

/// Runs so many operations.
///
/// # Panics
/// Something is refused that must not be, or left behind, or a rule was broken.
pub fn run(seed: u64, operations: u64) -> Summary {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    for (name, value) in SETTINGS {
        sim.set_number_parameter(SERVICE, name, value);
    }
    sim.load_driver(&driver(), SERVICE)
        .expect("the driver loads");
    let common = Common::new(sim.clone());
    let mut summary = work(&common, seed, operations);
    common.cut(CutPolicy::Durable);
    let client = Client::open(&sim);
    summary.statistics = client.statistics();
    client.close();
    assert_eq!(sim.open_file_objects(), 0, "file objects are left");
    assert_eq!((sim.open_sections(), sim.system_views()), (0, 0));
    sim.unload_driver(SERVICE).expect("the driver unloads");
    assert_eq!(sim.violations(), []);
    common.cut(CutPolicy::Durable);
    summary.commits = common.commits.load(Relaxed);
    summary.cuts = common.cuts.load(Relaxed);
    summary.losses = common.losses.into_inner().expect("losses");
    summary
}

fn work(common: &Common, seed: u64, operations: u64) -> Summary {
    let mut summary = Summary {
        done: BTreeMap::new(),
        refusals: BTreeSet::new(),
        commits: 0,
        cuts: 0,
        losses: Vec::new(),
        statistics: Statistics::default(),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|index| scope.spawn(move || thread(common, index, seed, operations / THREADS)))
            .collect();
        for thread in threads {
            let (done, refusals) = thread.join().expect("a thread that found no fault");
            for (what, count) in done {
                *summary.done.entry(what).or_default() += count;
            }
            summary.refusals.extend(refusals);
        }
    });
    summary
}

type Did = (BTreeMap<&'static str, u64>, BTreeSet<String>);

fn thread(common: &Common, index: u64, seed: u64, operations: u64) -> Did {
    let (sim, process) = (&common.sim, 0x2000 + 4 * index);
    sim.in_process(process, || {
        let mut worker = Worker {
            common,
            index,
            threads: THREADS,
            random: Random::new(seed, index),
            client: Client::open(sim),
            open: BTreeMap::new(),
            done: BTreeMap::new(),
            refusals: BTreeSet::new(),
        };
        worker.run(operations);
        // Every other program ends as it should; the rest leave it to their process's end, with the
        // logs that are open.
        if index.is_multiple_of(2) {
            for number in 0..FILES {
                worker.close(number, false).expect("a commit");
            }
            worker.client.close();
        } else {
            worker.abandon(process);
        }
        (worker.done, worker.refusals)
    })
}

impl Worker<'_> {
    /// The process ends, and with its handles everything that it has stored is committed.
    fn abandon(&mut self, process: u64) {
        let common = self.common;
        for number in 0..FILES {
            if let Some(mut opened) = self.open.remove(&number) {
                let _ = opened.unmap(&common.sim, &self.client, number >= LONG);
            }
        }
        common.sim.exit_process(process);
    }
}
