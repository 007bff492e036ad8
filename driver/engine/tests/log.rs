//! The reading side of a dirty log, on logs of honest, careless and malicious programs.

use daxflush_engine::{DirtyMap, Drained, LINE_SIZE, LogReader, Reserve};
use daxflush_protocol::{log_bytes, log_layout};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

const ENTRIES: u32 = 64;
const END: u64 = 1 << 20;

fn memory() -> Vec<AtomicU64> {
    (0..log_bytes(ENTRIES).div_ceil(8))
        .map(|_| AtomicU64::new(0))
        .collect()
}

/// A program's side, written from the protocol's documentation.
fn append(memory: &[AtomicU64], offset: u64, length: u64) {
    let tail = memory[log_layout::TAIL / 8].load(SeqCst);
    let head = memory[log_layout::HEAD / 8].load(SeqCst);
    if tail - head >= u64::from(ENTRIES) {
        memory[log_layout::OVERFLOW / 8].store(1, SeqCst);
        return;
    }
    let slot = log_layout::ENTRIES / 8 + 2 * (tail % u64::from(ENTRIES)) as usize;
    memory[slot].store(offset, SeqCst);
    memory[slot + 1].store(length, SeqCst);
    memory[log_layout::TAIL / 8].store(tail + 1, SeqCst);
}

#[test]
fn what_was_appended_is_marked_once() {
    let (memory, reserve) = (memory(), Reserve::with_leaves(16).expect("memory"));
    let map = DirtyMap::new(&reserve);
    let mut reader = LogReader::create(&memory, ENTRIES).expect("a log");
    for round in 0..10 {
        (0..50).for_each(|n| append(&memory, (round * 50 + n) * 128, 64));
        let done = reader.drain(&memory, &map);
        assert_eq!((done.entries, done.everything), (50, false));
        assert_eq!(map.dirty_lines(END), (round + 1) * 50);
    }
    assert_eq!(reader.drain(&memory, &map), Drained::default());
}

#[test]
fn an_overflow_marks_everything_and_the_log_goes_on() {
    let (memory, reserve) = (memory(), Reserve::with_leaves(16).expect("memory"));
    let map = DirtyMap::new(&reserve);
    let mut reader = LogReader::create(&memory, ENTRIES).expect("a log");
    (0..65).for_each(|n| append(&memory, n * 64, 64));
    assert!(reader.drain(&memory, &map).everything);
    assert_eq!(map.dirty_lines(END), END / LINE_SIZE);
    append(&memory, 0, 64);
    let done = reader.drain(&memory, &map);
    assert_eq!((done.entries, done.everything), (1, false));
}

#[test]
fn only_powers_of_two_within_the_limits_are_logs() {
    for entries in [0, 1, 32, 63, 65, 1 << 17, u32::MAX] {
        assert!(LogReader::create(&memory(), entries).is_none(), "{entries}");
    }
    assert!(
        LogReader::create(&memory(), 128).is_none(),
        "too little memory"
    );
}

proptest! {
    /// Whatever a program writes into its log, draining ends, takes no more than the log has, and
    /// forgets no entry that an honest program could have written.
    #[test]
    fn no_content_is_believed(words in prop::collection::vec((0usize..160, any::<u64>()), 0..200)) {
        let (memory, reserve) = (memory(), Reserve::with_leaves(16).expect("memory"));
        let map = DirtyMap::new(&reserve);
        let mut reader = LogReader::create(&memory, ENTRIES).expect("a log");
        for (at, value) in words {
            memory[at % memory.len()].store(value, SeqCst);
            let done = reader.drain(&memory, &map);
            prop_assert!(done.entries <= u64::from(ENTRIES));
            prop_assert!(done.entries == 0 || done.everything || !map.is_clean());
            prop_assert_eq!(
                memory[log_layout::HEAD / 8].load(SeqCst),
                memory[log_layout::TAIL / 8].load(SeqCst)
            );
        }
    }
}
