//! A program that appends its stores to a dirty log while commits drain it, under schedules chosen by
//! shuttle: what was appended before a commit began is durable when it has succeeded (P1). The seeded
//! mistake must fail. `MODEL_SEED=n` chooses the schedules; a failure prints it.

use daxflush_protocol::{MIN_LOG_ENTRIES, log_bytes, log_layout};
use engine_model::{
    Backing, Committer, DirtyMap, Group, LINE_SIZE, LogReader, MAX_OFFSET, Reserve, Run,
    mistake::{self, Mistake},
};
use shuttle::{
    Config, FailurePersistence, Runner,
    scheduler::RandomScheduler,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::*},
    },
    thread,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

const CAPACITY: u64 = MIN_LOG_ENTRIES as u64;
const LINES: usize = 4;

struct World {
    log: Vec<AtomicU64>,
    reader: Mutex<LogReader>,
    stored: Vec<AtomicU64>,
    durable: Vec<AtomicU64>,
    map: DirtyMap<Arc<Reserve>>,
    group: Group,
    turn: Mutex<Committer>,
}

struct Memory<'a> {
    world: &'a World,
    in_flight: Vec<(usize, u64)>,
}

impl Backing for Memory<'_> {
    type Error = ();

    fn gather(&mut self) -> bool {
        let mut reader = self.world.reader.lock().expect("the reader");
        reader.drain(&self.world.log, &self.world.map);
        true
    }

    fn flush(&mut self, runs: &[Run]) -> Result<(), ()> {
        for line in 0..LINES {
            let at = line as u64 * LINE_SIZE;
            if runs.iter().any(|run| run.offset <= at && at < run.end()) {
                let value = self.world.stored[line].load(SeqCst);
                self.in_flight.push((line, value));
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), ()> {
        for (line, value) in self.in_flight.drain(..) {
            self.world.durable[line].fetch_max(value, SeqCst);
        }
        Ok(())
    }
}

impl World {
    fn new() -> Arc<Self> {
        let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        let log = zeros(log_bytes(MIN_LOG_ENTRIES).div_ceil(8));
        let reader = LogReader::create(&log, MIN_LOG_ENTRIES).expect("a log");
        Arc::new(Self {
            log,
            reader: Mutex::new(reader),
            stored: zeros(LINES),
            durable: zeros(LINES),
            map: DirtyMap::new(Arc::new(Reserve::with_leaves(16).expect("memory"))),
            group: Group::new(),
            turn: Mutex::new(Committer::new()),
        })
    }

    /// As the protocol tells a program to append.
    fn store(&self, line: usize, value: u64) {
        self.stored[line].store(value, Release);
        let word = |offset: usize| &self.log[offset / 8];
        let tail = word(log_layout::TAIL).load(Relaxed);
        if tail - word(log_layout::HEAD).load(Acquire) >= CAPACITY {
            word(log_layout::OVERFLOW).store(1, Release);
            return;
        }
        let slot = log_layout::ENTRIES + 16 * (tail % CAPACITY) as usize;
        word(slot).store(line as u64 * LINE_SIZE, Relaxed);
        word(slot + 8).store(8, Relaxed);
        word(log_layout::TAIL).store(tail + 1, Release);
    }

    fn commit(&self) {
        let arrival = self.group.arrive();
        let mut committer = self.turn.lock().expect("a turn");
        let mut memory = Memory {
            world: self,
            in_flight: Vec::new(),
        };
        committer
            .commit_in_group(&self.group, arrival, &self.map, 0..MAX_OFFSET, &mut memory)
            .expect("a commit");
    }

    fn check(&self, line: usize, value: u64) {
        let durable = self.durable[line].load(SeqCst);
        assert!(durable >= value, "line {line}: {durable} of {value}");
    }
}

fn run() {
    let world = World::new();
    // The ring is full, and only its first slot tells of its line.
    world.store(3, 1);
    (1..CAPACITY).for_each(|_| world.store(0, 1));
    let producer = {
        let world = world.clone();
        thread::spawn(move || {
            for round in 0..6_u64 {
                let line = 1 + round as usize % 2;
                world.store(line, round + 1);
                if round % 2 == 1 {
                    world.commit();
                    world.check(line, round + 1);
                }
            }
        })
    };
    let other = {
        let world = world.clone();
        thread::spawn(move || (0..2).for_each(|_| world.commit()))
    };
    producer.join().expect("the producer");
    other.join().expect("the other");
    world.commit();
    for line in 0..LINES {
        world.check(line, world.stored[line].load(SeqCst));
    }
}

fn try_schedules(schedules: usize) -> Result<(), String> {
    let seed = std::env::var("MODEL_SEED").map_or(0x5eed, |text| text.parse().expect("a number"));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.stack_size = 1 << 18;
    let runner = Runner::new(RandomScheduler::new_from_seed(seed, schedules), config);
    catch_unwind(AssertUnwindSafe(|| runner.run(run)))
        .map(|_| ())
        .map_err(|_| {
            format!("again with: MODEL_SEED={seed} cargo test -p daxflush-models --test log")
        })
}

#[test]
fn what_was_appended_before_a_commit_is_durable() {
    mistake::make(None);
    assert_eq!(try_schedules(4000), Ok(()));
}

#[test]
fn early_slot_reuse_is_caught() {
    mistake::make(Some(Mistake::EarlySlotReuse));
    let tried = try_schedules(20_000);
    mistake::make(None);
    assert!(tried.is_err(), "not caught");
}
