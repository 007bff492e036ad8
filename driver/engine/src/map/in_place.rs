//! Collecting from a leaf that stays in its place, word by word, while markers go on in it: a part of it,
//! or when leaves are short.

use super::{
    bits,
    collect::{Sink, runs_of},
    place::places_in,
    slot::Slot,
};
use crate::{
    mistake::{self, Mistake},
    reserve::{GROUP, Leaf},
    sync::{AtomicU64, Ordering::SeqCst},
};
use core::ops::Range;

/// Lines that a bit of a leaf's hint stands for.
const GROUP_LINES: u64 = 64 * GROUP as u64;

/// Takes the bits in scope of a leaf that begins at line `start`. What was not passed on stays in it.
pub(super) fn in_place<S: Sink>(
    slot: &Slot,
    leaf: Leaf<'_>,
    start: u64,
    scope: &Range<u64>,
    sink: &mut S,
) -> Result<(), S::Error> {
    let late = mistake::made(Mistake::HintAfterWords);
    let within = places_in(scope, start, GROUP_LINES);
    slot.begin(!mistake::made(Mistake::InPlaceInGeneration));
    let taken = if late {
        leaf.hint.load(SeqCst) & within
    } else {
        leaf.hint.fetch_and(!within, SeqCst) & within
    };
    let mut result = Ok(());
    for group in bits(taken) {
        let Some(words) = leaf.words.groups().get(group as usize) else {
            continue;
        };
        let first = start.saturating_add(GROUP_LINES.saturating_mul(u64::from(group)));
        if result.is_ok() {
            result = take_group(words, first, scope, sink);
        }
        if !late && words.iter().any(|word| word.load(SeqCst) != 0) {
            leaf.hint.fetch_or(1 << (group % 64), SeqCst);
        }
    }
    if late {
        leaf.hint.fetch_and(!taken, SeqCst);
    }
    if leaf.hint.load(SeqCst) != 0 {
        slot.set_dirty();
    }
    result
}

fn take_group<S: Sink>(
    words: &[AtomicU64; GROUP],
    first: u64,
    scope: &Range<u64>,
    sink: &mut S,
) -> Result<(), S::Error> {
    for (word, index) in words.iter().zip(0_u64..) {
        take_word(
            word,
            first.saturating_add(index.saturating_mul(64)),
            scope,
            sink,
        )?;
    }
    Ok(())
}

fn take_word<S: Sink>(
    word: &AtomicU64,
    first: u64,
    scope: &Range<u64>,
    sink: &mut S,
) -> Result<(), S::Error> {
    let mask = places_in(scope, first, 1);
    if word.load(SeqCst) & mask == 0 {
        return Ok(());
    }
    let old = word.fetch_and(!mask, SeqCst);
    runs_of(old & mask, first, sink)
}
