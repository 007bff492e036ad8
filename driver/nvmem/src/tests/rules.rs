//! One test for each rule.

use super::{
    memory, methods,
    recorder::{Event, Recorder, expected},
    token,
};
use crate::{
    Error, Features, FlushFlags, Method, NvMemory, NvMemoryRange, NvToken,
    arch::on_paper::{flush_ranges_default, get_token, get_token_no_flush},
};
use std::{vec, vec::Vec};

const BEST: Method = Method::BY_PREFERENCE[0];
const BASE: usize = 0x10_0000;
const SIZE: usize = 0x1000;
const NO_DRAIN: FlushFlags = FlushFlags::NO_DRAIN;

fn range(base_address: usize, length: usize) -> NvMemoryRange {
    NvMemoryRange {
        base_address,
        length,
    }
}

fn flushed(events: &[Event]) -> Vec<usize> {
    let line = |event: &Event| match event {
        Event::Flush(_, line) => Some(*line),
        Event::Fence => None,
    };
    events.iter().filter_map(line).collect()
}

#[test]
fn nothing_works_before_a_method_is_chosen() {
    let memory = NvMemory::<1>::new();
    assert_eq!(get_token(&memory, BASE, SIZE), Err(Error::NotReady));
    assert_eq!(
        memory.drain_on(&Recorder::default(), NvToken::DEFAULT),
        Err(Error::NotReady)
    );
    assert_eq!((memory.method(), memory.line_size()), (Method::NoFlush, 0));
}

#[test]
fn best_supported_method_is_chosen() {
    for (index, method) in Method::BY_PREFERENCE.iter().enumerate() {
        let features = Features::new(&Method::BY_PREFERENCE[index..], 64);
        assert_eq!(features.best(), Ok(*method));
        assert_eq!(features.flush_not_required().best(), Ok(Method::NoFlush));
    }
    assert_eq!(Features::new(&[], 64).best(), Err(Error::NotSupported));
}

#[test]
fn first_choice_stays() {
    let memory = memory::<1>(BEST, 64);
    let other = Features::new(Method::BY_PREFERENCE, 128).without(BEST);
    assert_eq!(memory.init_with(other, 1), Ok(()));
    assert_eq!((memory.method(), memory.line_size()), (BEST, 64));
}

#[test]
fn odd_line_sizes_are_refused() {
    for line_size in [0, 3, 48, 100, 8192] {
        let memory = NvMemory::<1>::new();
        let features = Features::new(Method::BY_PREFERENCE, line_size);
        assert_eq!(
            memory.init_with(features, 0),
            Err(Error::NotSupported),
            "{line_size}"
        );
        assert_eq!(get_token(&memory, BASE, SIZE), Err(Error::NotReady));
    }
}

#[test]
fn empty_and_endless_regions_are_refused() {
    let memory = memory::<1>(BEST, 64);
    for (base, size) in [(0, SIZE), (BASE, 0), (BASE, usize::MAX), (usize::MAX, 1)] {
        assert_eq!(
            get_token(&memory, base, size),
            Err(Error::InvalidParameter),
            "{base} {size}"
        );
    }
    assert_eq!(memory.live_tokens(), 0);
}

#[test]
fn full_table_is_a_shortage_until_a_token_is_freed() {
    let memory = memory::<2>(BEST, 64);
    let (first, _second) = (token(&memory, BASE, SIZE), token(&memory, BASE, SIZE));
    assert_eq!(
        get_token(&memory, BASE, SIZE),
        Err(Error::InsufficientResources)
    );
    assert_eq!(memory.free_token(first), Ok(()));
    let third = token(&memory, BASE, SIZE);
    assert_ne!(third, first);
    assert_eq!(memory.live_tokens(), 2);
}

#[test]
#[cfg_attr(miri, ignore = "slow")]
fn largest_table_never_makes_the_default_token() {
    static MEMORY: NvMemory<0xFFFF> = NvMemory::new();
    MEMORY
        .init_with(Features::new(&[BEST], 64), 7)
        .expect("a method");
    let tokens: Vec<_> = (0..0xFFFF).map(|_| token(&MEMORY, BASE, SIZE)).collect();
    assert!(!tokens.contains(&NvToken::DEFAULT));
    assert_eq!(
        get_token(&MEMORY, BASE, SIZE),
        Err(Error::InsufficientResources)
    );
    assert_eq!(MEMORY.live_tokens(), 0xFFFF);
}

#[test]
fn freed_token_is_refused_by_every_routine() {
    let memory = memory::<1>(BEST, 64);
    let freed = token(&memory, BASE, SIZE);
    assert_eq!(memory.free_token(freed), Ok(()));
    refused_by_every_routine(&memory, freed);
    let successor = token(&memory, BASE, SIZE);
    refused_by_every_routine(&memory, freed);
    assert_eq!(memory.free_token(successor), Ok(()));
}

fn refused_by_every_routine(memory: &NvMemory<1>, token: NvToken) {
    let recorder = Recorder::default();
    let refusal = Err(Error::InvalidParameter);
    assert_eq!(
        memory.flush_ranges_on(&recorder, token, &[], NO_DRAIN),
        refusal
    );
    assert_eq!(
        memory.flush_ranges_on(&recorder, token, &[range(BASE, 1)], NO_DRAIN),
        refusal
    );
    assert_eq!(memory.drain_on(&recorder, token), refusal);
    assert_eq!(memory.free_token(token), refusal);
    assert_eq!(memory.acquire(token).map(drop), refusal);
    assert_eq!(recorder.take(), []);
}

#[test]
fn every_changed_bit_of_a_token_is_noticed() {
    let memory = memory::<64>(BEST, 64);
    let tokens: Vec<_> = (0..64).map(|_| token(&memory, BASE, SIZE)).collect();
    for bit in 0..64 {
        let forged = NvToken::from_raw(tokens[37].as_raw() ^ 1 << bit);
        assert!(memory.acquire(forged).is_err(), "bit {bit}");
    }
}

#[test]
fn truncated_foreign_and_trivial_tokens_are_refused() {
    let (memory, other) = (memory::<4>(BEST, 64), memory::<4>(BEST, 64));
    let ours = token(&memory, BASE, SIZE);
    let foreign = token(&other, BASE, SIZE);
    let raw = ours.as_raw();
    let mut wrong = vec![
        0,
        1,
        2,
        3,
        raw as u32 as usize,
        raw as u16 as usize,
        raw >> 32,
    ];
    wrong.extend([
        raw as i32 as usize,
        foreign.as_raw(),
        usize::MAX - 1,
        BASE | 1,
    ]);
    for raw in wrong {
        let refused = memory.acquire(NvToken::from_raw(raw)).map(drop);
        assert_eq!(refused, Err(Error::InvalidParameter), "{raw:#x}");
        assert_eq!(
            memory.free_token(NvToken::from_raw(raw)),
            Err(Error::InvalidParameter)
        );
    }
    assert!(memory.acquire(NvToken::from_raw(ours.as_raw())).is_ok());
}

#[test]
fn default_token_drains_and_does_nothing_else() {
    for method in methods() {
        let (memory, recorder) = (memory::<1>(method, 64), Recorder::default());
        assert_eq!(memory.drain_on(&recorder, NvToken::DEFAULT), Ok(()));
        assert_eq!(recorder.take(), expected(method, 64, &[], true));
        let flush = memory.flush_ranges_on(&recorder, NvToken::DEFAULT, &[], NO_DRAIN);
        assert_eq!(flush, Err(Error::InvalidParameter));
        assert_eq!(
            memory.free_token(NvToken::DEFAULT),
            Err(Error::InvalidParameter)
        );
        assert_eq!(recorder.take(), []);
    }
}

#[test]
fn unknown_flags_are_refused_before_any_line() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE, SIZE);
    for bits in [2, 3, 0x100, u32::MAX] {
        assert_eq!(FlushFlags::try_from(bits), Err(Error::InvalidParameter));
        let flags = FlushFlags::from_bits_retain(bits);
        let result = memory.flush_ranges_on(&recorder, token, &[range(BASE, 1)], flags);
        assert_eq!(result, Err(Error::InvalidParameter), "{bits:#x}");
        let result = flush_ranges_default(&memory, &recorder, &[], flags);
        assert_eq!(result, Err(Error::InvalidParameter), "{bits:#x}");
    }
    assert_eq!(recorder.take(), []);
    assert_eq!(FlushFlags::try_from(0), Ok(FlushFlags::empty()));
    assert_eq!(FlushFlags::try_from(1), Ok(NO_DRAIN));
}

#[test]
fn one_bad_range_at_the_end_stops_all() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE, SIZE);
    let bad = [
        range(BASE + SIZE - 1, 2),
        range(BASE - 1, 2),
        range(BASE, usize::MAX),
        range(1, 1),
    ];
    for bad in bad {
        let ranges = [range(BASE, SIZE), range(BASE + 8, 8), bad];
        let result = memory.flush_ranges_on(&recorder, token, &ranges, FlushFlags::empty());
        assert_eq!(result, Err(Error::InvalidParameter), "{bad:?}");
        assert_eq!(recorder.take(), []);
    }
}

#[test]
fn zero_length_flushes_nothing_and_drains() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE, SIZE);
    for ranges in [
        &[][..],
        &[range(BASE + 5, 0)],
        &[range(BASE + SIZE, 0), range(0, 0)],
    ] {
        assert_eq!(
            memory.flush_ranges_on(&recorder, token, ranges, NO_DRAIN),
            Ok(())
        );
        assert_eq!(recorder.take(), []);
        let drained = memory.flush_ranges_on(&recorder, token, ranges, FlushFlags::empty());
        assert_eq!(drained, Ok(()));
        assert_eq!(recorder.take(), [Event::Fence]);
    }
}

#[test]
fn order_and_overlap_do_not_matter() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE, SIZE);
    let ranges = [range(BASE + 0x200, 1), range(BASE + 63, 2), range(BASE, 64)];
    assert_eq!(
        memory.flush_ranges_on(&recorder, token, &ranges, FlushFlags::empty()),
        Ok(())
    );
    let events = recorder.take();
    assert_eq!(flushed(&events), [BASE + 0x200, BASE, BASE + 64, BASE]);
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == Event::Fence)
            .count(),
        1
    );
    assert_eq!(events.last(), Some(&Event::Fence));
}

#[test]
fn unaligned_region_flushes_its_first_line_whole() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE + 60, 8);
    let ranges = [range(BASE + 60, 8)];
    assert_eq!(
        memory.flush_ranges_on(&recorder, token, &ranges, NO_DRAIN),
        Ok(())
    );
    assert_eq!(flushed(&recorder.take()), [BASE, BASE + 64]);
}

#[test]
fn drain_is_one_fence() {
    for method in methods() {
        let (memory, recorder) = (memory::<1>(method, 64), Recorder::default());
        let token = token(&memory, BASE, SIZE);
        assert_eq!(memory.drain_on(&recorder, token), Ok(()));
        assert_eq!(recorder.take(), [Event::Fence], "{method:?}");
    }
}

#[test]
fn region_without_flush_is_only_fenced() {
    let (memory, recorder) = (memory::<2>(BEST, 64), Recorder::default());
    let persistent = get_token_no_flush(&memory, BASE, SIZE).expect("a free slot");
    let ranges = [range(BASE, SIZE)];
    assert_eq!(
        memory.flush_ranges_on(&recorder, persistent, &ranges, NO_DRAIN),
        Ok(())
    );
    assert_eq!(recorder.take(), []);
    assert_eq!(
        memory.flush_ranges_on(&recorder, persistent, &ranges, FlushFlags::empty()),
        Ok(())
    );
    assert_eq!(recorder.take(), [Event::Fence]);
    let outside = [range(BASE, SIZE + 1)];
    let refused = memory.flush_ranges_on(&recorder, persistent, &outside, NO_DRAIN);
    assert_eq!(refused, Err(Error::InvalidParameter));
    let ordinary = token(&memory, BASE, SIZE);
    assert_eq!(
        memory.flush_ranges_on(&recorder, ordinary, &ranges, NO_DRAIN),
        Ok(())
    );
    assert_eq!(recorder.take().len(), SIZE / 64);
}

#[test]
fn guard_flushes_many_times_and_holds_the_token() {
    let (memory, recorder) = (memory::<1>(BEST, 64), Recorder::default());
    let token = token(&memory, BASE, SIZE);
    let guard = memory.acquire(token).expect("a valid token");
    for line in 0..4 {
        let ranges = [range(BASE + line * 64, 64)];
        assert_eq!(guard.flush_ranges_on(&recorder, &ranges, NO_DRAIN), Ok(()));
    }
    guard.drain_on(&recorder);
    assert_eq!(flushed(&recorder.take()).len(), 4);
    let mut guard = Some(guard);
    let mut waits = 0;
    let freed = memory.free_token_with(token, || {
        waits += 1;
        assert!(memory.acquire(token).is_err(), "no new user while freeing");
        assert_eq!(
            get_token(&memory, BASE, SIZE),
            Err(Error::InsufficientResources)
        );
        if waits == 3 {
            guard.take();
        }
    });
    assert_eq!((freed, waits), (Ok(()), 3));
}

#[test]
#[cfg_attr(miri, ignore = "slow")]
fn too_many_users_are_a_shortage_and_harm_nobody() {
    let memory = memory::<1>(BEST, 64);
    let token = token(&memory, BASE, SIZE);
    let guards: Vec<_> = (0..16 + 0xFFFF)
        .map(|_| memory.acquire(token).expect("room"))
        .collect();
    assert_eq!(
        memory.acquire(token).map(drop),
        Err(Error::InsufficientResources)
    );
    drop(guards);
    assert!(memory.acquire(token).is_ok());
    assert_eq!(memory.free_token(token), Ok(()));
}
