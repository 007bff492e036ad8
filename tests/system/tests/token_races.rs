//! Token requests amid other threads' writes, commits and truncations, and section conflicts at their
//! worst moments.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::random::Random;
use daxflush_protocol::{FileRange, write_flag::*};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{CutPolicy, FileId, Handle, NtStatus, Sim, SimOptions};
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

const WORKERS: u64 = 4;
/// Each worker has a region of its own; the last one is cut off and grows again.
const PART: u64 = 32 << 10;
const ROUNDS: u64 = 300;

/// Tells how to repeat a run that failed.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "repeat with: DAXFLUSH_SEED={} cargo test --release -p daxflush-system-tests \
                 --test token_races -- --nocapture",
                self.0
            );
        }
    }
}

/// A worker's bytes: what they are, and which of them are durable for certain.
struct Part {
    region: Range<u64>,
    now: Vec<u8>,
    durable: Vec<bool>,
}

impl Part {
    fn store(&mut self, at: u64, data: &[u8], durable: bool) {
        let start = (at - self.region.start) as usize;
        self.now[start..start + data.len()].copy_from_slice(data);
        self.durable[start..start + data.len()].fill(durable);
    }

    fn commit(&mut self) {
        self.durable.fill(true);
    }

    /// What must have survived a power cut has.
    fn check(&self, sim: &Sim, file: FileId, policy: CutPolicy) {
        let mut found = vec![0; self.now.len()];
        sim.power_cut(policy)
            .read(file, self.region.start, &mut found);
        let bytes = found.iter().zip(&self.now).zip(&self.durable);
        let lost = bytes.filter(|((found, now), durable)| **durable && found != now);
        assert_eq!(lost.count(), 0, "bytes of {:?} were lost", self.region);
    }
}

fn worker(sim: &Sim, seed: u64, index: u64) -> Part {
    let mut random = Random::new(seed, index);
    let client = Client::open(sim);
    let file = sim
        .create_file_with(r"D:\a", Default::default())
        .expect("a file");
    let id = sim.file_id(file).expect("open");
    let region = index * PART..(index + 1) * PART;
    let token = client.get_token(file, region.clone()).expect("a token");
    let mut part = Part {
        now: vec![0; PART as usize],
        durable: vec![true; PART as usize],
        region: region.clone(),
    };
    for round in 0..ROUNDS {
        let at = region.start + random.below(PART - 1);
        let length = (1 + random.below(2000)).min(region.end - at);
        let data: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        let flags = [0, FLUSH, NON_TEMPORAL, PERSIST, FLUSH | NO_DRAIN];
        let flags = flags[random.below(5) as usize];
        let durable = flags & PERSIST != 0 && flags & NO_DRAIN == 0;
        match random.below(8) {
            0 => {
                sim.write_file(file, at, &data).expect("written");
                part.store(at, &data, false);
            }
            1 => {
                let value = data[0];
                let bytes = at..at + length;
                client
                    .fill_token(token, bytes, u32::from(value), flags)
                    .expect("filled");
                part.store(at, &vec![value; length as usize], durable);
            }
            2 => {
                sim.flush_file_buffers(file).expect("a flush");
                part.commit();
            }
            3 => {
                let range = FileRange {
                    offset: region.start,
                    length: PART,
                };
                client.begin(file, range).expect("begun");
                if random.below(2) == 0 {
                    client.drain().expect("drained");
                    part.commit();
                }
            }
            4 => {
                let ranges = [region.clone(), at..at + length];
                client.flush_token(token, &ranges, 0).expect("flushed");
                part.commit();
            }
            _ => {
                client
                    .write_token(token, at, &data, flags)
                    .expect("written");
                part.store(at, &data, durable);
            }
        }
        part.check(sim, id, CutPolicy::Durable);
        if round % 16 == 0 {
            part.check(sim, id, CutPolicy::Random(random.next_u64()));
        }
    }
    client.close();
    sim.close_handle(file).expect("close");
    part
}

/// Cuts the last part off and lets it grow again, and writes to it through a token meanwhile.
fn truncater(sim: &Sim, seed: u64, busy: &AtomicBool) -> [u64; 2] {
    let mut random = Random::new(seed, 99);
    let client = Client::open(sim);
    let file = sim
        .create_file_with(r"D:\a", Default::default())
        .expect("a file");
    let (short, long) = (WORKERS * PART, (WORKERS + 1) * PART);
    let mut cuts = [0, 0];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let client = Client::open(sim);
            let mut random = Random::new(seed, 100);
            let token = loop {
                match client.get_token(file, short..long) {
                    Ok(token) => break token,
                    Err(status) => assert_eq!(status, NtStatus::END_OF_FILE),
                }
            };
            while busy.load(SeqCst) {
                let flags = [0, FLUSH, PERSIST, FLUSH | NO_DRAIN][random.below(4) as usize];
                let at = short + random.below(PART - 64);
                match client.write_token(token, at, &[1; 64], flags) {
                    Ok(()) | Err(NtStatus::END_OF_FILE) => {}
                    Err(status) => panic!("a write was refused with {status}"),
                }
            }
            client.close();
        });
        while busy.load(SeqCst) {
            let size = [short, long][random.below(2) as usize];
            match sim.set_end_of_file(file, size) {
                Ok(()) => cuts[0] += 1,
                Err(NtStatus::USER_MAPPED_FILE) => cuts[1] += 1,
                Err(status) => panic!("a truncation was refused with {status}"),
            }
        }
    });
    client.close();
    sim.close_handle(file).expect("close");
    cuts
}

#[test]
fn requests_of_many_threads_lose_nothing() {
    let seed =
        std::env::var("DAXFLUSH_SEED").map_or(0x70ce, |seed| seed.parse().expect("a number"));
    println!("seed {seed}");
    let _replay = Replay(seed);
    let world = World::new();
    world.sim.set_probe(None);
    let file = world.open("a");
    let id = world.sim.file_id(file).expect("open");
    world
        .sim
        .set_end_of_file(file, (WORKERS + 1) * PART)
        .expect("a size");
    let (sim, busy) = (world.sim.clone(), AtomicBool::new(true));
    let (parts, cuts) = std::thread::scope(|scope| {
        let truncater = scope.spawn(|| truncater(&sim, seed, &busy));
        let workers: Vec<_> = (0..WORKERS)
            .map(|index| {
                scope.spawn({
                    let sim = &sim;
                    move || worker(sim, seed, index)
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        busy.store(false, SeqCst);
        let parts: Vec<_> = ended
            .into_iter()
            .map(|part| part.expect("a worker"))
            .collect();
        (parts, truncater.join().expect("the truncater"))
    });
    println!("{cuts:?} truncations made and refused");
    assert!(cuts[0] > 10);
    sim.flush_file_buffers(file).expect("a flush");
    for mut part in parts {
        let mut found = vec![0; PART as usize];
        sim.read_file(file, part.region.start, &mut found)
            .expect("read");
        assert!(found == part.now, "other bytes of {:?}", part.region);
        part.commit();
        part.check(&sim, id, CutPolicy::Durable);
    }
    let client = Client::open(&sim);
    assert_eq!(client.statistics().dirty_lines, 0);
    client.close();
    sim.close_handle(file).expect("close");
    world.end();
}

/// Counts the driver's instructions, and says when it is time for another processor to act.
fn at_instruction(sim: &Sim, nth: u64) -> Arc<AtomicBool> {
    let go = Arc::new(AtomicBool::new(false));
    let (count, told) = (AtomicU64::new(0), go.clone());
    sim.set_probe(Some(Box::new(move |_| {
        if count.fetch_add(1, SeqCst) + 1 == nth {
            told.store(true, SeqCst);
        }
    })));
    go
}

/// As programs do: again and again.
fn truncate_patiently(sim: &Sim, file: Handle, size: u64) {
    for _ in 0..1000 {
        match sim.set_end_of_file(file, size) {
            Ok(()) => return,
            Err(status) => assert_eq!(status, NtStatus::USER_MAPPED_FILE),
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        // A conflict that came at an IRQL too high is looked after by the next commit.
        sim.flush_file_buffers(file).expect("a flush");
    }
    panic!("the section was never closed");
}

/// How the other thread's truncation meets the write is not ours to choose, so more is tried until
/// one of them has cut a write short.
#[test]
fn a_truncation_in_the_middle_of_a_token_write_ends_and_loses_nothing() {
    const ROUNDS: usize = 20;
    assert!((0..ROUNDS).any(|_| truncations_meet_token_writes() > 0));
}

/// Returns how many writes were cut short.
fn truncations_meet_token_writes() -> u64 {
    const LONG: u64 = 3 << 20;
    const SHORT: u64 = 8192;
    let mut cut_short = 0;
    for (at_apc, early) in [
        (false, None),
        (true, None),
        (false, Some(1)),
        (false, Some(2)),
        (false, Some(3)),
    ] {
        for (flags, nth) in [
            (FLUSH, 1),
            (FLUSH, 100),
            (FLUSH, 16_385),
            (FLUSH, 20_000),
            (FLUSH | NO_DRAIN, 100),
            (FLUSH | NO_DRAIN, 40_000),
        ] {
            let options = SimOptions {
                conflict_at_apc: at_apc,
                conflict_before_create_returns: early,
                ..SimOptions::default()
            };
            let mut world = World::with(options, &[]);
            let client = Client::open(&world.sim);
            let file = world.open("a");
            world.truncate(file, LONG);
            let token = client.get_token(file, 0..LONG).expect("a token");
            let go = at_instruction(&world.sim, nth);
            let sim = world.sim.clone();
            let filled = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !go.load(SeqCst) {
                        std::thread::yield_now();
                    }
                    truncate_patiently(&sim, file, SHORT);
                });
                client.fill_token(token, 0..LONG, 7, flags)
            });
            world.watch();
            cut_short += u64::from(filled.is_err());
            assert!(
                matches!(filled, Ok(()) | Err(NtStatus::END_OF_FILE)),
                "{filled:?}"
            );
            world.model(file, |model| {
                model.truncate(SHORT);
                model.store(0, &[7; SHORT as usize]);
            });
            let mut found = vec![0; SHORT as usize];
            world.sim.read_file(file, 0, &mut found).expect("read");
            assert_eq!(found, [7; SHORT as usize], "the first slice was stored");
            if filled.is_ok() && flags == FLUSH {
                world.model(file, |model| model.commit());
            }
            world.cut("after the truncation");
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
            world.write(file, 5000, 100);
            world.flush(file);
            world.close(file);
            client.close();
            world.end();
        }
    }
    println!("{cut_short} writes were cut short");
    cut_short
}

/// Conflicts told while the section to write is being made: the write goes on with another.
#[test]
fn a_conflict_before_there_is_a_section_delays_a_write_and_no_more() {
    for early in [1, 2] {
        for flags in [0, FLUSH, NON_TEMPORAL, PERSIST, FLUSH | NO_DRAIN] {
            let options = SimOptions {
                conflict_before_create_returns: Some(early),
                ..SimOptions::default()
            };
            let mut world = World::with(options, &[]);
            let client = Client::open(&world.sim);
            let file = world.open("a");
            world.truncate(file, 1 << 16);
            let token = client.get_token(file, 0..1 << 16).expect("a token");
            for at in [100, 9000] {
                let data = world.data(file, at, 300);
                let written = client.write_token(token, at, &data, flags);
                assert_eq!(written, Ok(()), "{early} {flags:#x}");
                world.model(file, |model| model.store(at, &data));
            }
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
            world.close(file);
            client.close();
            world.end();
        }
    }
}
