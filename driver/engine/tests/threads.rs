//! Markers on several threads against commits, with leaves coming and going.

use daxflush_engine::{Backing, Committer, DirtyMap, LINE_SIZE, MAX_OFFSET, Reserve, Run};
use std::sync::{
    Barrier,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

const MARKERS: u64 = 3;
const ROUNDS: u64 = 1_000_000;
const LEAF: u64 = 2 << 20;
const PLACES: u64 = 24;

/// The "memory": for each place the newest value stored, and the newest that was flushed.
#[derive(Default)]
struct Place {
    stored: AtomicU64,
    flushed: AtomicU64,
}

struct Flusher<'a> {
    places: &'a [Place],
}

impl Backing for Flusher<'_> {
    type Error = ();

    fn flush(&mut self, runs: &[Run]) -> Result<(), ()> {
        for (index, place) in self.places.iter().enumerate() {
            let at = offset(index as u64);
            if runs.iter().any(|run| run.offset <= at && at < run.end()) {
                place.flushed.store(place.stored.load(Acquire), Relaxed);
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), ()> {
        Ok(())
    }
}

/// One line in each of several leaves, so that leaves become clean and are given back.
fn offset(place: u64) -> u64 {
    (place % 12) * LEAF + (place * 7 % 64) * LINE_SIZE
}

fn run(leaves: u32) {
    let reserve = Reserve::with_leaves(leaves).expect("memory");
    let map = DirtyMap::new(&reserve);
    let places: Vec<Place> = (0..MARKERS * PLACES).map(|_| Place::default()).collect();
    let running = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let markers: Vec<_> = (0..MARKERS)
            .map(|marker| {
                let (map, places) = (&map, &places);
                scope.spawn(move || {
                    for round in 1..=ROUNDS {
                        let place = marker * PLACES + round % PLACES;
                        // Store, then record: the order that the promise rests on.
                        places[place as usize].stored.store(round, Release);
                        map.mark(offset(place), 1);
                    }
                })
            })
            .collect();
        let committer = scope.spawn(|| {
            let (mut committer, mut commits) = (Committer::new(), 0_u64);
            while running.load(Acquire) {
                let mut flusher = Flusher { places: &places };
                committer
                    .commit(&map, 0..MAX_OFFSET, &mut flusher)
                    .expect("no failure");
                commits += 1;
            }
            commits
        });
        for marker in markers {
            marker.join().expect("marker");
        }
        running.store(false, Release);
        assert!(committer.join().expect("committer") > 0);
    });
    let mut flusher = Flusher { places: &places };
    Committer::new()
        .commit(&map, 0..MAX_OFFSET, &mut flusher)
        .expect("no failure");
    for (index, place) in places.iter().enumerate() {
        assert_eq!(
            place.stored.load(Relaxed),
            place.flushed.load(Relaxed),
            "place {index} lost"
        );
    }
    assert!(map.is_clean());
    drop(map);
    assert_eq!(reserve.free_leaves(), reserve.leaves());
}

#[test]
fn nothing_is_lost_while_leaves_are_given_back() {
    // Twelve of them are needed: scarce, so leaves come and go.
    run(18);
}

#[test]
fn nothing_is_lost_when_leaves_run_out() {
    run(9);
}

#[test]
fn nothing_is_lost_with_plenty() {
    run(256);
}

/// Whoever comes second finds the first one's table, and not that there is no memory for one.
#[test]
fn a_table_that_several_need_at_once_is_no_shortage() {
    let reserve = Reserve::with_leaves(256).expect("memory");
    for _ in 0..2000 {
        let (map, start) = (DirtyMap::new(&reserve), Barrier::new(MARKERS as usize));
        std::thread::scope(|scope| {
            for marker in 0..MARKERS {
                let (map, start) = (&map, &start);
                scope.spawn(move || {
                    start.wait();
                    // Three tables lead there.
                    map.mark((1 << 40) + marker * LEAF, 1);
                });
            }
        });
        assert_eq!(map.dirty_lines(MAX_OFFSET), MARKERS);
    }
    assert_eq!((reserve.coarse_marks(), reserve.used_bytes()), (0, 0));
}
