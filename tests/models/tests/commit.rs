//! Writers, markers and group commit under schedules chosen by shuttle: whoever is told that his
//! commit has succeeded finds what he stored before it durable (P1). The seeded mistakes must fail.
//!
//! `MODEL_SEED=n` and `MODEL_SCHEDULES=n` choose the schedules; a failure prints them.

use engine_model::{
    Backing, Committer, DirtyMap, Group, LINE_SIZE, MAX_OFFSET, Reserve, Run,
    mistake::{self, Mistake},
};
use shuttle::{
    Config, FailurePersistence, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};
use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Bytes of file below one leaf of the model's smaller nodes.
const LEAF: u64 = 128 * 64 * LINE_SIZE;

/// A line of file, as the processor sees it and as a power cut would leave it.
struct Place {
    offset: u64,
    stored: AtomicU64,
    durable: AtomicU64,
}

struct World {
    places: Vec<Place>,
    map: DirtyMap<Arc<Reserve>>,
    group: Group,
    turn: Mutex<Committer>,
}

/// Takes what is stored when a line is flushed, and makes it durable at the drain.
struct Memory<'a> {
    places: &'a [Place],
    in_flight: Vec<(usize, u64)>,
    fails: bool,
}

impl Backing for Memory<'_> {
    type Error = ();

    fn flush(&mut self, runs: &[Run]) -> Result<(), ()> {
        for (index, place) in self.places.iter().enumerate() {
            let flushed = |run: &Run| run.offset <= place.offset && place.offset < run.end();
            if runs.iter().any(flushed) {
                self.in_flight.push((index, place.stored.load(SeqCst)));
            }
        }
        if self.fails { Err(()) } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<(), ()> {
        for (index, value) in self.in_flight.drain(..) {
            self.places[index].durable.fetch_max(value, SeqCst);
        }
        Ok(())
    }
}

impl World {
    fn new(leaves: u32, offsets: &[u64]) -> Arc<Self> {
        let reserve = Arc::new(Reserve::with_leaves(leaves).expect("memory"));
        let places = offsets.iter().map(|offset| Place {
            offset: *offset,
            stored: AtomicU64::new(0),
            durable: AtomicU64::new(0),
        });
        Arc::new(Self {
            places: places.collect(),
            map: DirtyMap::new(reserve),
            group: Group::new(),
            turn: Mutex::new(Committer::new()),
        })
    }

    /// A write: the data is stored, then recorded; or the other way round, as a filter would that
    /// records in its pre-operation.
    fn write(&self, place: usize, value: u64, marks_first: bool) {
        let at = &self.places[place];
        if marks_first {
            self.map.mark(at.offset, 1);
        }
        at.stored.store(value, SeqCst);
        if !marks_first {
            self.map.mark(at.offset, 1);
        }
    }

    /// Commits `scope`; it may be made to fail.
    fn commit(&self, scope: Range<u64>, fails: bool) -> bool {
        let arrival = self.group.arrive();
        let mut committer = self.turn.lock().expect("a turn");
        let mut memory = Memory {
            places: &self.places,
            in_flight: Vec::new(),
            fails,
        };
        let done = committer.commit_in_group(&self.group, arrival, &self.map, scope, &mut memory);
        done.is_ok()
    }

    fn check(&self, place: usize, value: u64) {
        let durable = self.places[place].durable.load(SeqCst);
        assert!(
            durable >= value,
            "place {place}: {durable} of {value} is durable"
        );
    }
}

/// What the threads of a model do.
#[derive(Clone)]
struct Scenario {
    leaves: u32,
    /// Offsets of the lines; each is written by the threads that name its index.
    offsets: Vec<u64>,
    /// For each thread, the places it writes in turn, committing after each.
    threads: Vec<Vec<usize>>,
    marks_first: bool,
    /// The first thread's first commit fails.
    first_fails: bool,
    /// Commits cover only what was written, and the line beside it.
    in_part: bool,
}

impl Scenario {
    /// What a thread commits that wrote this place.
    fn scope(&self, place: usize) -> Range<u64> {
        if self.in_part {
            let start = self.offsets[place] / (2 * LINE_SIZE) * (2 * LINE_SIZE);
            start..start + 2 * LINE_SIZE
        } else {
            0..MAX_OFFSET
        }
    }

    fn run(&self) {
        let world = World::new(self.leaves, &self.offsets);
        let threads: Vec<_> = self
            .threads
            .iter()
            .cloned()
            .enumerate()
            .map(|(thread, places)| {
                let (world, scenario) = (world.clone(), self.clone());
                thread::spawn(move || {
                    for (round, place) in places.into_iter().enumerate() {
                        // Values of a place rise only within a thread.
                        let value = (round + 1) as u64;
                        world.write(place, value, scenario.marks_first);
                        let fails = scenario.first_fails && thread == 0 && round == 0;
                        if world.commit(scenario.scope(place), fails) {
                            world.check(place, value);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread of the model");
        }
        assert!(world.commit(0..MAX_OFFSET, false));
        for (place, at) in world.places.iter().enumerate() {
            world.check(place, at.stored.load(SeqCst));
        }
        assert!(world.map.is_clean());
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Runs a scenario under random and priority schedules; an error tells how to see it again.
fn try_schedules(scenario: &Scenario, schedules: usize) -> Result<(), String> {
    let seed = number("MODEL_SEED", 0x5eed);
    let schedules = number("MODEL_SCHEDULES", schedules as u64) as usize;
    let config = || {
        let mut config = Config::new();
        config.failure_persistence = FailurePersistence::None;
        config.stack_size = 1 << 18;
        config
    };
    let run = |random: bool| {
        let scenario = scenario.clone();
        if random {
            let scheduler = RandomScheduler::new_from_seed(seed, schedules);
            Runner::new(scheduler, config()).run(move || scenario.run())
        } else {
            let scheduler = PctScheduler::new_from_seed(seed, 3, schedules);
            Runner::new(scheduler, config()).run(move || scenario.run())
        }
    };
    for random in [true, false] {
        catch_unwind(AssertUnwindSafe(|| run(random))).map_err(|_| {
            format!("again with: MODEL_SEED={seed} MODEL_SCHEDULES={schedules} cargo test -p daxflush-models")
        })?;
    }
    Ok(())
}

fn holds(scenario: &Scenario, schedules: usize) {
    mistake::make(None);
    let tried = try_schedules(scenario, schedules);
    assert_eq!(tried, Ok(()));
}

fn fails_with(mistake: Mistake, scenario: &Scenario, schedules: usize) {
    holds(scenario, schedules / 10);
    mistake::make(Some(mistake));
    let tried = try_schedules(scenario, schedules);
    mistake::make(None);
    assert!(tried.is_err(), "{mistake:?} was not caught");
}

/// Two threads in one word, and a third in another leaf.
fn neighbours() -> Scenario {
    Scenario {
        leaves: 64,
        offsets: vec![0, 64, 3 * LEAF],
        threads: vec![vec![0, 0], vec![1, 1], vec![2]],
        marks_first: false,
        first_fails: false,
        in_part: false,
    }
}

/// The same where tables lead to the leaves, one to the first two lines and two to the third.
fn deep() -> Scenario {
    Scenario {
        offsets: vec![20 * LEAF, 20 * LEAF + 64, 600 * LEAF],
        ..neighbours()
    }
}

/// So few leaves that they are given back after every commit.
fn scarce(scenario: Scenario) -> Scenario {
    Scenario {
        leaves: 7,
        threads: vec![vec![0, 0], vec![1, 1], vec![2, 2]],
        ..scenario
    }
}

/// So few that leaves are collected in their places, too.
fn short(scenario: Scenario) -> Scenario {
    Scenario {
        leaves: 2,
        threads: scenario.threads.clone(),
        ..scarce(scenario)
    }
}

#[test]
fn commits_keep_their_promise() {
    holds(&neighbours(), 4000);
    holds(&deep(), 4000);
}

#[test]
fn leaves_come_and_go() {
    holds(&scarce(neighbours()), 4000);
    holds(&scarce(deep()), 4000);
    holds(&short(neighbours()), 4000);
    holds(&short(deep()), 4000);
}

/// Two threads in one leaf, of which each commits a part.
fn parts() -> Scenario {
    Scenario {
        offsets: vec![20 * LEAF, 20 * LEAF + 64],
        threads: vec![vec![0, 0, 0], vec![1, 1]],
        in_part: true,
        ..neighbours()
    }
}

#[test]
fn parts_are_committed() {
    holds(&parts(), 10_000);
    holds(&short(parts()), 2000);
}

#[test]
fn a_leaf_in_place_in_the_same_generation_is_caught() {
    fails_with(Mistake::InPlaceInGeneration, &parts(), 100_000);
}

#[test]
fn leaves_run_out() {
    for leaves in [0, 1, 2] {
        for scenario in [neighbours(), deep()] {
            holds(&Scenario { leaves, ..scenario }, 1000);
        }
    }
}

#[test]
fn a_failed_commit_is_nobodys() {
    for scenario in [neighbours(), deep(), scarce(deep())] {
        let scenario = Scenario {
            first_fails: true,
            ..scenario
        };
        holds(&scenario, 4000);
    }
}

#[test]
fn marking_before_the_store_is_caught() {
    let scenario = Scenario {
        marks_first: true,
        ..neighbours()
    };
    mistake::make(None);
    assert!(try_schedules(&scenario, 20_000).is_err(), "not caught");
}

#[test]
fn a_hint_cleared_after_the_words_is_caught() {
    fails_with(Mistake::HintAfterWords, &deep(), 40_000);
    fails_with(Mistake::HintAfterWords, &short(neighbours()), 40_000);
}

#[test]
fn joining_a_commit_that_already_collected_is_caught() {
    fails_with(Mistake::JoinCollected, &neighbours(), 20_000);
}

#[test]
fn early_leaf_reuse_is_caught() {
    fails_with(Mistake::EarlyLeafReuse, &scarce(deep()), 40_000);
}

#[test]
fn a_leaf_that_shows_before_its_tables_is_caught() {
    let one_leaf = Scenario {
        offsets: vec![20 * LEAF, 20 * LEAF + 64],
        threads: vec![vec![0, 0], vec![1, 1]],
        ..deep()
    };
    fails_with(Mistake::LeafBeforeTables, &one_leaf, 40_000);
}

#[test]
fn a_mark_in_a_leaf_that_was_taken_out_is_caught() {
    fails_with(Mistake::NoSecondLook, &scarce(neighbours()), 40_000);
    fails_with(Mistake::NoSecondLook, &short(neighbours()), 40_000);
}
