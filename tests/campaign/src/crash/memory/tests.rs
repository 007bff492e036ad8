use super::*;
use daxctl::random::Random;
use ntsim::{JournalEntry, Sim, SimOptions};

/// One area of some lines.
fn memory() -> Memory {
    Memory::new(&[(4096, 4096)])
}

fn found(memory: &Memory, line: u32) -> Vec<u8> {
    let versions = memory.undrained.get(&line);
    versions.map_or_else(Vec::new, |all| all.iter().map(|one| one.bytes[0]).collect())
}

fn put(memory: &mut Memory, value: u8) -> Bytes {
    let line = memory.store(4096, &[value; LINE]);
    memory.now(line)
}

#[test]
fn every_store_since_the_last_durable_one_may_be_found() {
    let mut memory = memory();
    for value in 1..4 {
        put(&mut memory, value);
    }
    assert_eq!(found(&memory, 0), [0, 1, 2, 3]);
    let bytes = memory.now(0);
    memory.flush(1, 0, &bytes);
    put(&mut memory, 4);
    assert_eq!(found(&memory, 0), [0, 1, 2, 3, 4]);
    memory.fence(2);
    assert_eq!(
        found(&memory, 0),
        [0, 1, 2, 3, 4],
        "another processor's fence"
    );
    memory.fence(1);
    assert_eq!(found(&memory, 0), [3, 4]);
    let bytes = memory.now(0);
    memory.flush_in_order(0, &bytes);
    assert!(found(&memory, 0).is_empty());
    assert_eq!(memory.durable(0), &[4; LINE]);
}

#[test]
fn a_line_never_goes_back() {
    let mut memory = memory();
    let old = put(&mut memory, 1);
    memory.flush(1, 0, &old);
    let new = put(&mut memory, 2);
    memory.flush(2, 0, &new);
    put(&mut memory, 3);
    memory.fence(2);
    assert_eq!(found(&memory, 0), [2, 3]);
    memory.fence(1);
    assert_eq!(found(&memory, 0), [2, 3]);
}

#[test]
fn a_store_past_the_caches_takes_only_its_own_bytes_along() {
    let mut memory = memory();
    put(&mut memory, 1);
    memory.nt_store(1, 4096 + 8, &[9; 8]);
    memory.fence(1);
    let all = &memory.undrained[&0];
    let words: Vec<_> = all.iter().map(|one| (one.bytes[0], one.bytes[8])).collect();
    assert_eq!(words, [(0, 9), (1, 9)]);
}

#[test]
fn what_nobody_told_of_is_seen_at_the_flush() {
    let mut memory = memory();
    memory.see(0, &[7; LINE]);
    assert_eq!(found(&memory, 0), [0, 7]);
    memory.flush(1, 0, &[7; LINE]);
    memory.fence(1);
    assert_eq!(memory.durable(0), &[7; LINE]);
}

/// The hash of the floor, worked out anew.
fn hash(memory: &Memory) -> u128 {
    let lines = memory.floor.len() / LINE;
    (0..lines as u32).fold(0, |hash, line| hash ^ part(line, memory.durable(line)))
}

/// The simulator's model of persistence and this one are held against each other, over random
/// histories by three processors.
#[test]
fn random_histories_come_to_the_same_as_in_the_simulator() {
    const BYTES: u64 = 1024;
    for seed in 0..40 {
        let sim = Sim::boot(SimOptions::default()).expect("a machine");
        let device = sim.persistent_memory();
        device.start_journal();
        let mut memory = Memory::new(&[(0, BYTES)]);
        let mut random = Random::new(seed, 1);
        for _ in 0..200 {
            let (offset, length) = (random.below(BYTES - 80), 1 + random.below(80));
            let act = random.below(12);
            let data: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
            let step = || match act {
                0..6 => device.write(offset, &data).expect("a store"),
                6..9 => device.flush(offset, length).expect("a flush"),
                9 => device.drain(),
                10 => device.format_durable(offset, length).expect("declared"),
                _ => {
                    let start = offset / 64 * 64;
                    device.zero_durable(start, 64).expect("zeroed");
                }
            };
            // Each thread is a processor of its own, for this one step or for all.
            if random.below(3) == 0 {
                std::thread::scope(|scope| scope.spawn(step).join().expect("a thread"));
            } else {
                step();
            }
        }
        for journaled in device.take_journal() {
            match journaled.entry {
                JournalEntry::Store { offset, data } => {
                    for (place, count) in Memory::pieces(offset, data.len(), LINE) {
                        let from = (place - offset) as usize;
                        memory.store(place, &data[from..from + count]);
                    }
                }
                JournalEntry::Flush {
                    processor,
                    line,
                    bytes,
                } => memory.flush(processor, (line / LINE as u64) as u32, &bytes),
                JournalEntry::Fence { processor } => memory.fence(processor),
                JournalEntry::Declared { start, end } => memory.declare(start, end),
                JournalEntry::Zeroed { start, end } => memory.zero(start, end),
                other => panic!("{other:?}"),
            }
        }
        let mut durable = vec![0; BYTES as usize];
        device.read_durable(0, &mut durable).expect("the device");
        assert_eq!(memory.floor, durable, "seed {seed}");
        assert_eq!(memory.hash, hash(&memory), "seed {seed}");
        let mut now = vec![0; BYTES as usize];
        device.read(0, &mut now).expect("the device");
        let lines = now.chunks_exact(LINE).zip(0..);
        for (bytes, line) in lines {
            assert_eq!(memory.now(line), bytes, "seed {seed}, line {line}");
        }
    }
}
