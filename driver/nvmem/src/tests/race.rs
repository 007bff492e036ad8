//! Threads: no flush is under way when a free has returned.

use super::{memory, token};
use crate::{
    FlushFlags, Method, NvMemory, NvMemoryRange, NvToken,
    arch::{Arch, on_paper::get_token},
    range::Admitted,
};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

const REGIONS: usize = 4;
const REGION_SIZE: usize = 0x1_0000;
const METHOD: Method = Method::BY_PREFERENCE[0];
const ROUNDS: usize = if cfg!(miri) { 30 } else { 5_000 };

/// A processor that knows which regions are mapped, and counts flushes of one that is not.
#[derive(Default)]
struct Witness {
    mapped: [AtomicBool; REGIONS],
    flushes: AtomicUsize,
    stale: AtomicUsize,
}

impl Witness {
    fn look(&self, line: usize) {
        if !self.mapped[line / REGION_SIZE - 1].load(SeqCst) {
            self.stale.fetch_add(1, SeqCst);
        }
    }
}

impl Arch for Witness {
    unsafe fn flush(&self, _: Method, line_size: usize, ranges: Admitted<'_>) {
        for lines in ranges.lines(line_size) {
            self.look(lines.first);
            thread::yield_now();
            self.look(lines.last);
            self.flushes.fetch_add(1, SeqCst);
        }
    }

    fn fence(&self, _: Method) {}
}

fn base(region: usize) -> usize {
    (region + 1) * REGION_SIZE
}

struct Stage<const SLOTS: usize> {
    memory: NvMemory<SLOTS>,
    witness: Witness,
    tokens: [AtomicUsize; REGIONS],
    running: AtomicUsize,
}

impl<const SLOTS: usize> Stage<SLOTS> {
    fn new(owners: usize) -> Self {
        Self {
            memory: memory(METHOD, 64),
            witness: Witness::default(),
            tokens: Default::default(),
            running: AtomicUsize::new(owners),
        }
    }

    /// Maps a region, gets its token, frees it, and unmaps it, again and again.
    fn own(&self, region: usize) {
        for round in 0..ROUNDS {
            self.witness.mapped[region].store(true, SeqCst);
            // Fewer slots than regions: some rounds find none.
            if let Ok(token) = get_token(&self.memory, base(region), REGION_SIZE) {
                self.tokens[region].store(token.as_raw(), SeqCst);
                if round % 3 == 0 {
                    thread::yield_now();
                }
                assert_eq!(
                    self.memory.free_token_with(token, thread::yield_now),
                    Ok(())
                );
            }
            self.witness.mapped[region].store(false, SeqCst);
        }
        self.running.fetch_sub(1, SeqCst);
    }

    /// Flushes by whatever token was published last, valid or freed.
    fn flush(&self) {
        let mut region = 0;
        while self.running.load(SeqCst) > 0 {
            region = (region + 1) % REGIONS;
            let token = NvToken::from_raw(self.tokens[region].load(SeqCst));
            let range = NvMemoryRange {
                base_address: base(region),
                length: REGION_SIZE,
            };
            let _ =
                self.memory
                    .flush_ranges_on(&self.witness, token, &[range], FlushFlags::empty());
        }
    }
}

#[test]
fn no_flush_outlives_its_token() {
    let stage = Stage::<3>::new(REGIONS);
    thread::scope(|scope| {
        for region in 0..REGIONS {
            let stage = &stage;
            scope.spawn(move || stage.own(region));
        }
        for _ in 0..3 {
            scope.spawn(|| stage.flush());
        }
    });
    assert_eq!(stage.witness.stale.load(SeqCst), 0);
    assert!(
        stage.witness.flushes.load(SeqCst) > 0,
        "the race was never run"
    );
    assert_eq!(stage.memory.live_tokens(), 0);
}

#[test]
fn of_two_who_free_one_wins() {
    let memory = memory::<4>(METHOD, 64);
    let shared = AtomicUsize::new(0);
    let (won, arrived) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let contend = |leads: bool| {
        for round in 1..=ROUNDS {
            if leads {
                shared.store(token(&memory, REGION_SIZE, 64).as_raw(), SeqCst);
            }
            meet(&arrived, 4 * round - 2);
            if memory
                .free_token(NvToken::from_raw(shared.load(SeqCst)))
                .is_ok()
            {
                won.fetch_add(1, SeqCst);
            }
            meet(&arrived, 4 * round);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| contend(true));
        scope.spawn(|| contend(false));
    });
    assert_eq!(won.load(SeqCst), ROUNDS);
    assert_eq!(memory.live_tokens(), 0);
}

/// A barrier of two that spins, so that both go on at the same moment.
fn meet(arrived: &AtomicUsize, all: usize) {
    arrived.fetch_add(1, SeqCst);
    while arrived.load(SeqCst) < all {
        thread::yield_now();
    }
}

/// Tokens taken by many threads at once are all different, and all slots come back.
#[test]
fn table_is_exact_under_contention() {
    const SLOTS: usize = 8;
    let memory = memory::<SLOTS>(METHOD, 64);
    thread::scope(|scope| {
        for thread in 1..=4 {
            let memory = &memory;
            scope.spawn(move || churn(memory, thread * REGION_SIZE));
        }
    });
    assert_eq!(memory.live_tokens(), 0);
    for _ in 0..SLOTS {
        token(&memory, REGION_SIZE, 64);
    }
    assert!(get_token(&memory, REGION_SIZE, 64).is_err());
}

fn churn(memory: &NvMemory<8>, base: usize) {
    for _ in 0..ROUNDS {
        // Four threads with two tokens each: there is always room.
        let tokens = [token(memory, base, 64), token(memory, base + 64, 64)];
        for (token, start) in tokens.into_iter().zip([base, base + 64]) {
            let guard = memory.acquire(token).expect("a valid token");
            assert_eq!(
                (guard.region().base(), guard.region().end()),
                (start, start + 64)
            );
        }
        for token in tokens {
            assert_eq!(memory.free_token(token), Ok(()));
        }
    }
}
