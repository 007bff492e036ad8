//! First-write tracking on real memory, by real faults.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::Anonymous;
use daxctl::{
    client::{Mapping, PAGE, Tracked, store},
    random::Random,
};
use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

fn tracked(pages: usize) -> Tracked<Anonymous> {
    let tracked = Tracked::new(Anonymous::new(pages));
    tracked.map_err(|(error, _)| error).expect("tracking")
}

#[test]
fn only_the_first_store_to_a_page_faults_until_it_is_taken() {
    let tracked = tracked(200);
    assert_eq!(tracked.take().expect("pages"), []);
    for page in [0, 1, 2, 63, 64, 130, 199] {
        for offset in [0, 100, PAGE - 1] {
            assert!(tracked.store(page * PAGE + offset, &[7]));
        }
    }
    // Across a page's end, unaligned.
    assert!(tracked.store(10 * PAGE - 5, &[9; 20]));
    assert_eq!(tracked.faults(), 9);
    let runs = tracked.take().expect("pages");
    assert_eq!(runs, [0..3, 9..11, 63..65, 130..131, 199..200]);
    assert_eq!(tracked.take().expect("pages"), []);
    assert!(tracked.store(64 * PAGE, &[1]));
    assert_eq!(tracked.take().expect("pages"), vec![64..65]);
    assert_eq!(tracked.faults(), 10);
}

#[test]
fn a_store_that_does_not_fit_stores_nothing() {
    let tracked = tracked(2);
    for (offset, length) in [(2 * PAGE, 1), (2 * PAGE - 1, 2), (usize::MAX, 2)] {
        assert!(!tracked.store(offset, &vec![1; length]));
    }
    assert!(tracked.store(2 * PAGE, &[]));
    assert_eq!((tracked.faults(), tracked.mapping().load(PAGE)), (0, 0));
}

#[test]
fn every_length_and_alignment_is_stored() {
    let memory = Anonymous::new(1);
    for offset in 0..16 {
        for length in 0..40 {
            assert!(store(&memory, 0, &[0xaa; 64]));
            let data: Vec<u8> = (1..=length).collect();
            assert!(store(&memory, offset, &data));
            let mut expected = [0xaa; 64];
            expected[offset..offset + data.len()].copy_from_slice(&data);
            for (word, expected) in (0..64).step_by(8).zip(expected.as_chunks::<8>().0) {
                assert_eq!(memory.load(word).to_ne_bytes(), *expected);
            }
        }
    }
}

#[test]
fn after_the_end_nothing_faults() {
    let tracked = tracked(3);
    assert!(tracked.store(0, &[1]));
    let memory = tracked.end().map_err(|(error, _)| error).expect("the end");
    assert!(store(&memory, 2 * PAGE, &[5; 8]));
    assert_eq!(memory.load(2 * PAGE), u64::from_ne_bytes([5; 8]));
}

/// The most pieces that a mapping of the system may be in is 65530 by default: here every second page
/// of more than that is stored to.
#[test]
fn more_pieces_than_the_system_allows_lose_nothing() {
    const PAGES: usize = 140_000;
    let tracked = tracked(PAGES);
    for page in (0..PAGES).step_by(2) {
        assert!(tracked.store(page * PAGE, &[1]));
    }
    let runs = tracked.take().expect("pages");
    let mut dirty = vec![false; PAGES];
    runs.into_iter()
        .flatten()
        .for_each(|page| dirty[page] = true);
    assert!(dirty.iter().step_by(2).all(|dirty| *dirty));
    println!("{} faults for {} pages", tracked.faults(), PAGES / 2);
}

/// `TRACKING_SEED`, or the time.
fn seed() -> u64 {
    let given = std::env::var("TRACKING_SEED").ok();
    given.map_or_else(
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64)
        },
        |seed| seed.parse().expect("TRACKING_SEED is a number"),
    )
}

const PAGES: usize = 24;
const THREADS: usize = 4;

/// Takes the dirty pages and copies them to where they are durable.
fn commit(tracked: &Tracked<Anonymous>, durable: &mut [[u64; THREADS]; PAGES]) {
    for page in tracked.take().expect("pages").into_iter().flatten() {
        durable[page] = std::array::from_fn(|slot| tracked.mapping().load(page * PAGE + slot * 8));
    }
}

/// Threads store rising values, each in its own word of random pages, and commit now and then: what a
/// thread stored before its commit began must be durable after it.
#[test]
fn no_store_that_races_with_commits_is_missed() {
    let seed = seed();
    println!("TRACKING_SEED={seed}");
    let tracked = tracked(PAGES);
    let durable = Mutex::new([[0; THREADS]; PAGES]);
    let until = Instant::now() + Duration::from_secs(4);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (tracked, durable) = (&tracked, &durable);
            scope.spawn(move || {
                let mut random = Random::new(seed, thread as u64);
                let mut last = [0; PAGES];
                for value in 1.. {
                    let page = random.below(PAGES as u64) as usize;
                    let data = u64::to_ne_bytes(value);
                    assert!(tracked.store(page * PAGE + thread * 8, &data));
                    last[page] = value;
                    if random.below(4) != 0 {
                        continue;
                    }
                    let mut durable = durable.lock().expect("a commit");
                    commit(tracked, &mut durable);
                    for (page, last) in last.iter().enumerate() {
                        let found = durable[page][thread];
                        assert_eq!(found, *last, "page {page}, thread {thread}, seed {seed}");
                    }
                    drop(durable);
                    if Instant::now() > until {
                        break;
                    }
                }
            });
        }
    });
    println!("{} faults", tracked.faults());
    let mut durable = durable.into_inner().expect("no thread failed");
    commit(&tracked, &mut durable);
    for (page, words) in durable.iter().enumerate() {
        for (slot, word) in words.iter().enumerate() {
            assert_eq!(*word, tracked.mapping().load(page * PAGE + slot * 8));
        }
    }
    assert_eq!(tracked.mapping().bytes(), PAGES * PAGE);
}
