//! What recording costs a program, in nanoseconds; measured on request:
//! `cargo test --release -p daxctl --test costs -- --ignored --nocapture`.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::Anonymous;
use daxctl::client::{Append, Mapping, PAGE, Ring, Tracked, store};
use daxflush_protocol::{FileRange, LOG_MAGIC, MAX_LOG_ENTRIES, log_bytes, log_layout};
use std::{
    sync::atomic::{AtomicU64, Ordering::Release},
    time::Instant,
};

const ROUNDS: u32 = 20;

/// The best round's nanoseconds for each of `count` things.
fn best(count: usize, mut round: impl FnMut() -> Instant) -> f64 {
    let times = (0..ROUNDS).map(|_| round().elapsed().as_nanos());
    times.min().unwrap_or(0) as f64 / count as f64
}

#[test]
#[ignore = "a measurement"]
fn what_recording_costs() {
    let bytes = log_bytes(MAX_LOG_ENTRIES);
    let log: Vec<AtomicU64> = (0..bytes / 8).map(|_| AtomicU64::new(0)).collect();
    let header = u64::from(LOG_MAGIC) | u64::from(MAX_LOG_ENTRIES) << 32;
    log[0].store(header, Release);
    let mut ring: Ring<_> = Ring::new(&log[..]).expect("a log");
    let (mut tail, entries) = (0, MAX_LOG_ENTRIES as usize);
    let append = best(entries, || {
        log[log_layout::HEAD / 8].store(tail, Release);
        let start = Instant::now();
        for number in 0..entries as u64 {
            let (offset, length) = (number * 64, 64);
            assert_eq!(ring.append(FileRange { offset, length }), Append::Logged);
        }
        tail += entries as u64;
        start
    });
    println!("append to a dirty log: {append:.1} ns");

    const PAGES: usize = 4096;
    let plain = Anonymous::new(PAGES);
    let stored = best(PAGES, || stores(|at| store(&plain, at, &[1; 64])));
    println!("64 bytes stored to each page: {stored:.0} ns");
    assert_eq!(plain.load(0), u64::from_ne_bytes([1; 8]));
    let tracked = Tracked::new(Anonymous::new(PAGES)).map_err(|(error, _)| error);
    let tracked = tracked.expect("tracking");
    assert_eq!(tracked.mapping().bytes(), PAGES * PAGE);
    let first = best(PAGES, || {
        tracked.take().expect("pages");
        stores(|at| tracked.store(at, &[1; 64]))
    });
    println!("the same, each a first store: {first:.0} ns");
    let again = best(PAGES, || stores(|at| tracked.store(at, &[1; 64])));
    println!("the same again: {again:.0} ns");
    let take = best(PAGES, || {
        stores(|at| tracked.store(at, &[1; 64]));
        let start = Instant::now();
        assert_eq!(tracked.take().expect("pages"), vec![0..PAGES]);
        start
    });
    println!("taking pages side by side: {take:.0} ns each");
    let take = best(PAGES / 2, || {
        for page in (0..PAGES).step_by(2) {
            assert!(tracked.store(page * PAGE, &[1; 64]));
        }
        let start = Instant::now();
        assert_eq!(tracked.take().expect("pages").len(), PAGES / 2);
        start
    });
    println!("taking every second page: {take:.0} ns each");

    fn stores(mut store: impl FnMut(usize) -> bool) -> Instant {
        let start = Instant::now();
        assert!((0..PAGES).all(|page| store(page * PAGE)));
        start
    }
}
