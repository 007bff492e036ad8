//! Which basic blocks were executed, beside the oracle.

mod common;

use common::{build_driver, function, load};
use ntsim_machine::call::{call1, call2};
use ntsim_machine::image::Image;
use ntsim_machine::oracle::{Oracle, enter_thread};
use std::collections::BTreeSet;
use std::sync::LazyLock;

struct Bench {
    oracle: Oracle,
    image: Image,
}

impl Bench {
    fn new() -> Bench {
        static BYTES: LazyLock<Vec<u8>> =
            LazyLock::new(|| build_driver("switch.c", &["choose", "loop"]));
        let image = load(&BYTES).unwrap();
        Bench {
            oracle: Oracle::plant(&image).unwrap(),
            image,
        }
    }

    fn choose(&self, which: usize, value: usize) -> i32 {
        // SAFETY: the function takes two numbers.
        unsafe { call2(function(&self.image, "choose"), which, value) as i32 }
    }

    fn count(&self, to: usize) -> i32 {
        // SAFETY: the function takes a number.
        unsafe { call1(function(&self.image, "loop"), to) as i32 }
    }

    /// What the code is now.
    fn code(&self) -> Vec<u8> {
        let (base, size) = (self.image.base(), self.image.size());
        // SAFETY: a loaded image is readable from its base to its end.
        unsafe { std::slice::from_raw_parts(base as *const u8, size) }.to_vec()
    }
}

#[test]
fn each_case_of_a_jump_table_is_a_block_of_its_own() {
    let bench = Bench::new();
    let plain: Vec<i32> = (0..9)
        .map(|which| {
            let _guard = enter_thread().unwrap();
            bench.choose(which, 1000 + which)
        })
        .collect();
    let fences = bench.oracle.observed().fences;
    let coverage = bench.oracle.cover_blocks().unwrap();
    assert_eq!(coverage.reached(), 0);
    let _guard = enter_thread().unwrap();
    let mut reached = 0;
    for (which, expected) in plain.iter().enumerate().take(8) {
        assert_eq!(bench.choose(which, 1000 + which), *expected);
        let now = coverage.reached();
        assert!(now > reached, "case {which} reached no new block");
        reached = now;
    }
    // Once more, and nothing is new.
    for (which, expected) in plain.iter().enumerate() {
        assert_eq!(bench.choose(which, 1000 + which), *expected);
    }
    assert_eq!(coverage.reached(), reached);
    assert_eq!(
        bench.oracle.observed().fences,
        3 * fences,
        "the oracle goes on"
    );
    assert!(reached < coverage.blocks(), "the loop did not run");
}

#[test]
fn what_was_reached_is_what_ran() {
    let bench = Bench::new();
    let coverage = bench.oracle.cover_blocks().unwrap();
    let _guard = enter_thread().unwrap();
    assert_eq!(bench.count(0), 0);
    let first: BTreeSet<usize> = (0..coverage.blocks())
        .filter(|&b| coverage.is_reached(b))
        .collect();
    assert_eq!(first.len(), coverage.reached());
    assert_eq!(bench.count(10), 45);
    let second: BTreeSet<usize> = (0..coverage.blocks())
        .filter(|&b| coverage.is_reached(b))
        .collect();
    assert!(second.is_superset(&first) && second.len() > first.len());
    // The first block that ran is the function itself.
    let start = function(&bench.image, "loop") - bench.image.base();
    let block = (0..coverage.blocks()).find(|&b| coverage.offset(b) == Some(start));
    assert!(block.is_some_and(|block| first.contains(&block)));
}

#[test]
fn the_code_is_as_it_was_when_the_oracle_is_gone() {
    let bench = Bench::new();
    let Bench { oracle, image } = bench;
    drop(oracle);
    let mut bench = Bench {
        oracle: Oracle::plant(&image).unwrap(),
        image,
    };
    let watched = bench.code();
    let coverage = bench.oracle.cover_blocks().unwrap();
    assert_ne!(bench.code(), watched);
    {
        let _guard = enter_thread().unwrap();
        bench.count(10);
    }
    let reached = coverage.reached();
    drop(coverage);
    // A new oracle finds no breakpoint of the old one's.
    let image = bench.image.clone();
    drop(bench);
    bench = Bench {
        oracle: Oracle::plant(&image).unwrap(),
        image,
    };
    assert_eq!(bench.code(), watched);
    let coverage = bench.oracle.cover_blocks().unwrap();
    let _guard = enter_thread().unwrap();
    bench.count(10);
    assert_eq!(coverage.reached(), reached);
}

#[test]
fn an_audit_goes_through_blocks_that_are_reached_first() {
    let bench = Bench::new();
    let _guard = enter_thread().unwrap();
    let coverage = bench.oracle.cover_blocks().unwrap();
    let (_, report) = bench
        .oracle
        .audit(|| bench.choose(2, 1) + bench.count(5))
        .unwrap();
    assert_eq!((report.unplanted.len(), report.misplaced.len()), (0, 0));
    assert_eq!(report.events.len(), 1);
    let stepped = coverage.reached();
    let (_, again) = bench
        .oracle
        .audit(|| bench.choose(2, 1) + bench.count(5))
        .unwrap();
    assert_eq!(again.steps, report.steps);
    assert_eq!(coverage.reached(), stepped);
}

#[test]
fn two_threads_may_reach_a_block_at_once() {
    for _ in 0..20 {
        let bench = Bench::new();
        let coverage = bench.oracle.cover_blocks().unwrap();
        let together = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _guard = enter_thread().unwrap();
                    together.wait();
                    assert_eq!(bench.count(10), 45);
                });
            }
        });
        assert!(coverage.reached() > 0);
    }
}
