//! The producer of a dirty log against a consumer written from the log's documentation.

mod models;

use daxctl::client::{Append, BadRing, Ring, Word};
use daxflush_protocol::{FileRange, LOG_MAGIC, MIN_LOG_ENTRIES, log_bytes, log_layout};
use models::ModelWord;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        },
    },
};

const CAPACITY: u64 = MIN_LOG_ENTRIES as u64;

fn at(offset: usize) -> usize {
    offset / size_of::<u64>()
}

/// A log that has taken `used` entries of an earlier life, of which the last `left` are still in it.
fn log<W: Word>(used: u64, left: u64) -> Arc<[W]> {
    let words = log_bytes(MIN_LOG_ENTRIES) / size_of::<u64>();
    let log: Arc<[W]> = (0..words).map(|_| W::new(0)).collect();
    log[0].store(u64::from(LOG_MAGIC) | CAPACITY << 32, Relaxed);
    log[at(log_layout::TAIL)].store(used, Relaxed);
    log[at(log_layout::HEAD)].store(used.wrapping_sub(left), Relaxed);
    for entry in 1..=left {
        let slot = at(log_layout::ENTRIES) + (used.wrapping_sub(entry) % CAPACITY) as usize * 2;
        log[slot].store(OLD, Relaxed);
        log[slot + 1].store(1, Relaxed);
    }
    log
}

const OLD: u64 = 1 << 40;

/// What a commit does: takes the entries, and whether one did not fit.
fn drain<W: Word>(log: &[W]) -> (Vec<FileRange>, bool) {
    let overflow = log[at(log_layout::OVERFLOW)].swap(0, AcqRel) != 0;
    let tail = log[at(log_layout::TAIL)].load(Acquire);
    let mut head = log[at(log_layout::HEAD)].load(Relaxed);
    let mut entries = Vec::new();
    assert!(tail.wrapping_sub(head) <= CAPACITY, "overrun");
    while head != tail {
        let slot = at(log_layout::ENTRIES) + (head % CAPACITY) as usize * 2;
        entries.push(FileRange {
            offset: log[slot].load(Relaxed),
            length: log[slot + 1].load(Relaxed),
        });
        head = head.wrapping_add(1);
    }
    log[at(log_layout::HEAD)].store(head, Release);
    (entries, overflow)
}

fn range(number: u64) -> FileRange {
    FileRange {
        offset: number * 64,
        length: number + 1,
    }
}

/// How far a producer has come.
struct Progress<W> {
    /// Ranges whose data is stored, and that are about to be appended.
    stored: W,
    /// Ranges that were appended, or did not fit.
    appended: W,
}

impl<W: Word> Progress<W> {
    fn new() -> Arc<Self> {
        let (stored, appended) = (W::new(0), W::new(0));
        Arc::new(Self { stored, appended })
    }
}

fn produce<W: Word>(ring: &mut Ring<Arc<[W]>, W>, progress: &Progress<W>, count: u64) -> u64 {
    let mut logged = 0;
    for number in 0..count {
        progress.stored.store(number + 1, SeqCst);
        logged += u64::from(ring.append(range(number)) == Append::Logged);
        progress.appended.store(number + 1, SeqCst);
    }
    logged
}

/// Drains while a producer appends `count` ranges: what was appended before a drain began is in it or
/// an earlier one, or was stored when one of them saw an overflow.
fn race<W: Word>(
    log: &[W],
    progress: &Progress<W>,
    count: u64,
    mut wait: impl FnMut(),
) -> (u64, u64) {
    let mut seen = BTreeSet::new();
    let (mut covered, mut overflows) = (0, 0);
    loop {
        let before = progress.appended.load(SeqCst);
        let (entries, overflow) = drain(log);
        for entry in entries.iter().filter(|entry| entry.offset != OLD) {
            assert_eq!(entry.length, entry.offset / 64 + 1, "a torn entry");
            assert!(seen.insert(entry.offset / 64), "an entry twice");
        }
        if overflow {
            overflows += 1;
            covered = progress.stored.load(SeqCst);
        }
        let missed = (covered..before).find(|number| !seen.contains(number));
        assert_eq!(missed, None, "of {before} appended");
        if before == count {
            return (seen.len() as u64, overflows);
        }
        wait();
    }
}

/// Schedules of a log that is nearly full, at the place where its counts wrap around.
fn modelled(used: u64, left: u64) {
    let round = move || {
        let log = log::<ModelWord>(used, left);
        let progress = Progress::new();
        let mut ring: Ring<_, ModelWord> = Ring::new(log.clone()).expect("a log");
        let mine = progress.clone();
        let producer = shuttle::thread::spawn(move || produce(&mut ring, &mine, 5));
        let (seen, _) = race(&log, &progress, 5, shuttle::thread::yield_now);
        assert_eq!(producer.join().expect("the producer"), seen);
    };
    shuttle::check_random(round, 2000);
    shuttle::check_pct(round, 2000, 3);
}

#[test]
fn no_schedule_loses_an_entry() {
    modelled(0, 0);
    modelled(1000, 62);
    modelled(1000, 64);
    modelled(u64::MAX - 1, 63);
}

#[test]
fn threads_lose_no_entry() {
    const COUNT: u64 = 300_000;
    let log = log::<AtomicU64>(0, 0);
    let progress = Progress::new();
    let mut ring = Ring::new(log.clone()).expect("a log");
    let (logged, (seen, overflows)) = std::thread::scope(|scope| {
        let producer = scope.spawn(|| produce(&mut ring, &progress, COUNT));
        let drained = race(&log, &progress, COUNT, || ());
        (producer.join().expect("the producer"), drained)
    });
    assert_eq!(logged, seen);
    println!("{seen} of {COUNT} logged, {overflows} overflows seen");
}

#[test]
fn a_full_log_overflows_and_goes_on_after_a_drain() {
    let log = log::<AtomicU64>(0, 0);
    let mut ring: Ring<_> = Ring::new(log.clone()).expect("a log");
    assert_eq!(ring.capacity(), CAPACITY);
    for number in 0..CAPACITY {
        assert_eq!(ring.append(range(number)), Append::Logged);
    }
    assert_eq!(log[at(log_layout::OVERFLOW)].load(Relaxed), 0);
    assert_eq!(ring.append(range(CAPACITY)), Append::Overflowed);
    let (entries, overflow) = drain(&log[..]);
    assert_eq!((entries.len() as u64, overflow), (CAPACITY, true));
    assert_eq!(entries, (0..CAPACITY).map(range).collect::<Vec<_>>());
    assert_eq!(ring.append(range(7)), Append::Logged);
    assert_eq!(drain(&log[..]), (vec![range(7)], false));
}

#[test]
fn an_empty_range_is_not_recorded() {
    let log = log::<AtomicU64>(0, 0);
    let mut ring: Ring<_> = Ring::new(log.clone()).expect("a log");
    let empty = FileRange {
        offset: 5,
        length: 0,
    };
    assert_eq!(ring.append(empty), Append::Logged);
    assert_eq!(drain(&log[..]), (vec![], false));
}

#[test]
fn what_is_no_log_is_refused() {
    let good = || log::<AtomicU64>(0, 0);
    for header in [
        0,
        u64::from(LOG_MAGIC),
        CAPACITY << 32,
        u64::from(LOG_MAGIC) | 65 << 32,
        u64::from(LOG_MAGIC) | 32 << 32,
        // Larger than the memory, and than any log.
        u64::from(LOG_MAGIC) | 128 << 32,
        u64::from(LOG_MAGIC) | 1 << 63,
    ] {
        let log = good();
        log[0].store(header, Relaxed);
        let ring: Result<Ring<_>, _> = Ring::new(log);
        assert_eq!(ring.map(|_| ()), Err(BadRing), "{header:#x}");
    }
    for length in [0, 1, good().len() - 1] {
        let log = good();
        let ring: Result<Ring<_>, _> = Ring::new(&log[..length]);
        assert_eq!(ring.map(|_| ()), Err(BadRing), "{length} words");
    }
}

/// The check itself: a producer that moves the tail before it fills the slot is caught.
#[test]
fn a_tail_before_its_entry_is_caught() {
    let round = || {
        let log = log::<ModelWord>(0, 0);
        let progress = Progress::<ModelWord>::new();
        let (shared, mine) = (log.clone(), progress.clone());
        shuttle::thread::spawn(move || {
            let slot = at(log_layout::ENTRIES);
            shared[at(log_layout::TAIL)].store(1, Release);
            shared[slot].store(0, Relaxed);
            shared[slot + 1].store(1, Relaxed);
            mine.appended.store(1, SeqCst);
        });
        race(&log, &progress, 1, shuttle::thread::yield_now);
    };
    let caught = std::panic::catch_unwind(|| shuttle::check_random(round, 1000));
    assert!(caught.is_err());
}
