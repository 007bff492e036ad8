//! Random range lists against the documented behaviour.

use super::{
    memory,
    recorder::{Recorder, expected},
    token,
};
use crate::{Error, FlushFlags, Method, NvMemoryRange, arch::on_paper::flush_ranges_default};
use proptest::{collection::vec, prelude::*, sample::select};
use std::vec::Vec;

fn a_method() -> impl Strategy<Value = Method> {
    select(super::methods().collect::<Vec<_>>())
}

fn a_line_size() -> impl Strategy<Value = usize> {
    select([16, 32, 64, 128, 4096].as_slice())
}

/// Regions of all sizes and alignments, some of them ending with the addresses.
fn a_region() -> impl Strategy<Value = (usize, usize)> {
    let top =
        (1..20_000_usize, 0..200_usize).prop_map(|(size, gap)| (usize::MAX - size - gap, size));
    prop_oneof![
        8 => (1..1_usize << 47, 1..20_000_usize),
        1 => top,
        1 => (1..200_usize, 1..20_000_usize),
    ]
}

/// A range near the region: mostly inside, sometimes over an edge, sometimes anything.
fn a_range(base: usize, size: usize, wild: u32) -> impl Strategy<Value = NvMemoryRange> {
    let inside = (0..size).prop_flat_map(move |offset| {
        (0..=size - offset).prop_map(move |length| (base + offset, length))
    });
    let edge = (-3..=3_isize, -3..=3_isize).prop_map(move |(start, end)| {
        let start = base.saturating_add_signed(start);
        (
            start,
            (base + size)
                .saturating_add_signed(end)
                .saturating_sub(start),
        )
    });
    let short_at_end = (-3..=3_isize, 0..4_usize)
        .prop_map(move |(start, length)| ((base + size).saturating_add_signed(start), length));
    prop_oneof![
        20 => inside,
        wild => edge,
        wild => short_at_end,
        wild => any::<(usize, usize)>(),
        wild => (base..=base + size).prop_map(|start| (start, usize::MAX)),
    ]
    .prop_map(|(base_address, length)| NvMemoryRange {
        base_address,
        length,
    })
}

fn a_case() -> impl Strategy<Value = ((usize, usize), Vec<NvMemoryRange>)> {
    (a_region(), select([0, 1].as_slice())).prop_flat_map(|((base, size), wild)| {
        (Just((base, size)), vec(a_range(base, size, wild), 0..12))
    })
}

fn is_inside(base: usize, size: usize, range: &NvMemoryRange) -> bool {
    let (start, length) = (range.base_address as u128, range.length as u128);
    let (base, size) = (base as u128, size as u128);
    length == 0 || (start >= base && start + length <= base + size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn flushes_exactly_the_lines_or_nothing(
        method in a_method(),
        line_size in a_line_size(),
        ((base, size), ranges) in a_case(),
        no_drain: bool,
    ) {
        let (memory, recorder) = (memory::<1>(method, line_size), Recorder::default());
        let token = token(&memory, base, size);
        let flags = if no_drain { FlushFlags::NO_DRAIN } else { FlushFlags::empty() };
        let result = memory.flush_ranges_on(&recorder, token, &ranges, flags);
        if ranges.iter().all(|range| is_inside(base, size, range)) {
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(recorder.take(), expected(method, line_size, &ranges, !no_drain));
        } else {
            prop_assert_eq!(result, Err(Error::InvalidParameter));
            prop_assert_eq!(recorder.take(), []);
        }
    }

    #[test]
    fn default_token_flushes_anywhere_that_is_an_address(
        method in a_method(),
        line_size in a_line_size(),
        ranges in vec((any::<usize>(), 0..5000_usize), 0..8),
        top in proptest::option::of(0..70_usize),
        no_drain: bool,
    ) {
        let (memory, recorder) = (memory::<1>(method, line_size), Recorder::default());
        let mut ranges: Vec<_> = ranges
            .into_iter()
            .map(|(base_address, length)| NvMemoryRange { base_address, length })
            .collect();
        if let Some(gap) = top {
            ranges.push(NvMemoryRange { base_address: usize::MAX - gap, length: 35 });
        }
        let flags = if no_drain { FlushFlags::NO_DRAIN } else { FlushFlags::empty() };
        let result = flush_ranges_default(&memory, &recorder, &ranges, flags);
        if ranges.iter().all(|range| range.base_address.checked_add(range.length).is_some()) {
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(recorder.take(), expected(method, line_size, &ranges, !no_drain));
        } else {
            prop_assert_eq!(result, Err(Error::InvalidParameter));
            prop_assert_eq!(recorder.take(), []);
        }
    }
}
