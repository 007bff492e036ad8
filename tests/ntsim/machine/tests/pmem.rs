//! The durable image: what a power cut takes and what it leaves.

use std::collections::HashSet;

use ntsim_machine::pmem::{Extent, LINE, MapError, PAGE, Pmem, Policy};

fn word(pmem: &Pmem, policy: Policy, offset: u64) -> u64 {
    let mut bytes = [0; 8];
    pmem.survivors(policy).read(offset, &mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

fn put(pmem: &Pmem, offset: u64, value: u64) {
    pmem.write(offset, &value.to_le_bytes()).unwrap();
}

/// All values that a word can have after a power cut, over many seeds.
fn outcomes(pmem: &Pmem, offset: u64) -> HashSet<u64> {
    (0..200)
        .map(|seed| word(pmem, Policy::Random(seed), offset))
        .collect()
}

fn in_thread(f: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(f).join().unwrap());
}

#[test]
fn a_plain_store_may_be_lost_or_kept() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 4096, 7);
    assert_eq!(outcomes(&pmem, 4096), HashSet::from([0, 7]));
    assert_eq!(word(&pmem, Policy::None, 4096), 0);
    assert_eq!(word(&pmem, Policy::All, 4096), 7);
    assert_eq!(pmem.unsafe_lines(0, 1 << 20).unwrap(), [4096]);
}

#[test]
fn a_flush_without_a_drain_promises_nothing() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 64, 7);
    pmem.flush(64, 8).unwrap();
    assert_eq!(outcomes(&pmem, 64), HashSet::from([0, 7]));
    assert_eq!(pmem.unsafe_lines(0, PAGE).unwrap(), [64]);
}

#[test]
fn a_drained_line_survives() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 64, 7);
    pmem.flush(64, 8).unwrap();
    pmem.drain();
    assert_eq!(outcomes(&pmem, 64), HashSet::from([7]));
    assert_eq!(word(&pmem, Policy::None, 64), 7);
    assert!(pmem.unsafe_lines(0, 1 << 20).unwrap().is_empty());
}

#[test]
fn a_drain_covers_what_was_flushed_not_what_was_stored_since() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 0, 1);
    pmem.flush(0, 8).unwrap();
    put(&pmem, 0, 2);
    assert_eq!(outcomes(&pmem, 0), HashSet::from([0, 1, 2]));
    pmem.drain();
    assert_eq!(outcomes(&pmem, 0), HashSet::from([1, 2]));
}

#[test]
fn another_threads_fence_drains_nothing_of_mine() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 0, 1);
    pmem.flush(0, 8).unwrap();
    in_thread(|| pmem.drain());
    assert_eq!(outcomes(&pmem, 0), HashSet::from([0, 1]));
    pmem.drain();
    assert_eq!(outcomes(&pmem, 0), HashSet::from([1]));
}

#[test]
fn a_line_never_goes_back_in_time() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 0, 1);
    pmem.flush(0, 8).unwrap();
    put(&pmem, 0, 2);
    in_thread(|| {
        pmem.flush(0, 8).unwrap();
        pmem.drain();
    });
    assert_eq!(
        outcomes(&pmem, 0),
        HashSet::from([2]),
        "the older snapshot is gone"
    );
    pmem.drain();
    assert_eq!(outcomes(&pmem, 0), HashSet::from([2]));
}

#[test]
fn tearing_happens_between_units_only() {
    let pmem = Pmem::new(1 << 20).unwrap();
    pmem.write_durable(0, &[0x11; 64]).unwrap();
    pmem.write(0, &[0x22; 64]).unwrap();
    let mut mixed = false;
    for seed in 0..100 {
        let mut line = [0; 64];
        pmem.survivors(Policy::Random(seed))
            .read(0, &mut line)
            .unwrap();
        for unit in line.chunks(8) {
            assert!(unit == [0x11; 8] || unit == [0x22; 8], "{unit:x?}");
        }
        mixed |= line.contains(&0x11) && line.contains(&0x22);
    }
    assert!(mixed, "lines are torn between units");
}

#[test]
fn a_choice_is_the_same_however_it_is_read() {
    let pmem = Pmem::new(1 << 20).unwrap();
    pmem.write(0, &[0x22; 9000]).unwrap();
    let survivors = pmem.survivors(Policy::Random(3));
    let mut whole = [0; 9000];
    survivors.read(0, &mut whole).unwrap();
    for (start, end) in [(0, 1), (5, 13), (4000, 4200), (63, 64), (8192, 8999)] {
        let mut part = vec![0; end - start];
        survivors.read(start as u64, &mut part).unwrap();
        assert_eq!(part, whole[start..end], "{start}..{end}");
    }
    let mut after = [0; 9000];
    pmem.read(0, &mut after).unwrap();
    assert_eq!(after, [0x22; 9000], "a cut changes nothing");
}

#[test]
fn one_line_kept_and_one_line_lost() {
    let pmem = Pmem::new(1 << 20).unwrap();
    for line in 0..4 {
        put(&pmem, line * LINE, 9);
    }
    let each = |policy| [0, 1, 2, 3].map(|line| word(&pmem, policy, line * LINE));
    assert_eq!(each(Policy::OnlyLine(2 * LINE + 5)), [0, 0, 9, 0]);
    assert_eq!(each(Policy::MissingLine(2 * LINE)), [9, 9, 0, 9]);
}

#[test]
fn declared_ranges_are_durable_and_leave_nothing_in_flight() {
    let pmem = Pmem::new(1 << 20).unwrap();
    put(&pmem, 128, 1);
    pmem.flush(128, 8).unwrap();
    put(&pmem, 128, 2);
    put(&pmem, 256, 3);
    pmem.format_durable(128, 8).unwrap();
    pmem.drain();
    assert_eq!(outcomes(&pmem, 128), HashSet::from([2]));
    assert_eq!(
        outcomes(&pmem, 256),
        HashSet::from([0, 3]),
        "only the range"
    );
    pmem.zero_durable(0, 8192).unwrap();
    assert_eq!(outcomes(&pmem, 128), HashSet::from([0]));
    assert_eq!(outcomes(&pmem, 256), HashSet::from([0]));
}

#[test]
fn a_hole_over_durable_data_is_seen() {
    let pmem = Pmem::new(1 << 20).unwrap();
    pmem.write_durable(4096, &[5; 4096]).unwrap();
    pmem.write(4096, &[0; 4096]).unwrap();
    assert_eq!(pmem.unsafe_lines(0, 1 << 20).unwrap().len(), 64);
}

#[test]
fn restarting_keeps_the_survivors_and_nothing_else() {
    let pmem = Pmem::new(1 << 20).unwrap();
    pmem.write_durable(0, &[1; 64]).unwrap();
    pmem.write(70_000, &[2; 64]).unwrap();
    let none = pmem.survivors(Policy::None).to_pmem().unwrap();
    let all = pmem.survivors(Policy::All).to_pmem().unwrap();
    let read = |pmem: &Pmem, offset| {
        let mut byte = [0];
        pmem.read(offset, &mut byte).unwrap();
        byte[0]
    };
    assert_eq!((read(&none, 5), read(&none, 70_001)), (1, 0));
    assert_eq!((read(&all, 5), read(&all, 70_001)), (1, 2));
    assert!(all.unsafe_lines(0, 1 << 20).unwrap().is_empty());
}

#[test]
fn a_tebibyte_is_sparse() {
    let size = 1 << 40;
    let pmem = Pmem::new(size).unwrap();
    put(&pmem, size - 8, 7);
    pmem.flush(size - 8, 8).unwrap();
    pmem.drain();
    pmem.format_durable(0, size - PAGE).unwrap();
    assert_eq!(word(&pmem, Policy::None, size - 8), 7);
    assert!(pmem.unsafe_lines(0, size).unwrap().is_empty());
    let restarted = pmem.survivors(Policy::Random(1)).to_pmem().unwrap();
    assert_eq!(word(&restarted, Policy::None, size - 8), 7);
    let view = pmem.map(0, size, true).unwrap();
    assert_eq!(pmem.translate(view.base() + (1 << 39)), Some(1 << 39));
}

#[test]
fn extents_become_one_view_and_translate_back() {
    let pmem = Pmem::new(1 << 20).unwrap();
    let extents = [(40, 2), (8, 1), (100, 3)];
    let extents = extents.map(|(page, pages)| Extent {
        offset: page * PAGE,
        len: pages * PAGE,
    });
    let view = pmem.map_extents(&extents, true).unwrap();
    assert_eq!(
        (view.len() as u64, view.extents()),
        (6 * PAGE, &extents[..])
    );
    for (page, of_device) in [40, 41, 8, 100, 101, 102].into_iter().enumerate() {
        let va = view.base() + page * PAGE as usize + 24;
        assert_eq!(pmem.translate(va), Some(of_device * PAGE + 24));
        // SAFETY: in the writable view.
        unsafe { (va as *mut u64).write(of_device) };
        assert_eq!(word(&pmem, Policy::All, of_device * PAGE + 24), of_device);
    }
    let (start, end) = (view.base(), view.base() + view.len());
    assert_eq!(pmem.translate(end), None);
    assert_eq!(
        Pmem::new(1 << 20).unwrap().translate(start),
        None,
        "another device"
    );
    drop(view);
    assert_eq!(pmem.translate(start), None);
}

#[test]
fn what_cannot_be_mapped() {
    let pmem = Pmem::new(1 << 20).unwrap();
    assert!(matches!(pmem.map(0, 0, false), Err(MapError::Empty)));
    assert!(matches!(
        pmem.map(64, 4096, false),
        Err(MapError::Unaligned(_))
    ));
    assert!(matches!(
        pmem.map(0, (1 << 20) + 1, false),
        Err(MapError::OutsideDevice)
    ));
    assert!(matches!(pmem.map_extents(&[], false), Err(MapError::Empty)));
    assert!(pmem.write((1 << 20) - 4, &[0; 8]).is_err());
    assert!(pmem.read((1 << 20) - 4, &mut [0; 8]).is_err());
}

/// A model of one word under many orders of stores, flushes and fences by two threads: everything
/// that could be in memory.
#[test]
fn random_histories_agree_with_a_simple_model() {
    let (sender, receiver) = std::sync::mpsc::channel::<(Pmem, bool)>();
    let (done_sender, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (pmem, fence) in receiver {
            if fence {
                pmem.drain()
            } else {
                pmem.flush(0, 8).unwrap()
            }
            done_sender.send(()).unwrap();
        }
    });
    let mut complete = 0;
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..150 {
        let pmem = Pmem::new(PAGE).unwrap();
        let (mut volatile, mut certain) = (0u64, 0u64);
        let mut flushed: Vec<(u64, u64)> = Vec::new(); // value and thread; values ascend
        for step in 1..40 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (thread, kind) = (random >> 8 & 1, random % 3);
            match kind {
                0 => {
                    volatile = step;
                    put(&pmem, 0, step);
                }
                1 => flushed.push((volatile, thread)),
                _ => {
                    let mine = flushed.iter().filter(|f| f.1 == thread).map(|f| f.0).max();
                    certain = certain.max(mine.unwrap_or(0));
                    flushed.retain(|f| f.1 != thread && f.0 >= certain);
                }
            }
            if kind != 0 && thread == 0 {
                if kind == 1 {
                    pmem.flush(0, 8).unwrap()
                } else {
                    pmem.drain()
                }
            } else if kind != 0 {
                sender.send((pmem.clone(), kind == 2)).unwrap();
                done.recv().unwrap();
            }
            let mut possible: HashSet<u64> = flushed.iter().map(|f| f.0).collect();
            possible.extend([certain, volatile]);
            possible.retain(|&value| value >= certain);
            let seen: HashSet<u64> = (0..64).map(|s| word(&pmem, Policy::Random(s), 0)).collect();
            assert!(seen.is_subset(&possible), "{seen:?} of {possible:?}");
            assert_eq!(word(&pmem, Policy::None, 0), certain);
            complete += u32::from(seen == possible);
        }
    }
    assert!(
        complete > 5000,
        "of 5850 sets of possible values, only {complete} were seen in full"
    );
}
