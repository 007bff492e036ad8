//! What a call must have done, written from the documentation of the routines and of the
//! instructions, and not from our code.

use crate::{
    cases::{Call, Case, Token},
    oracle::{Event, Fence, Flush, SHOWN},
};
use daxflush_nvmem::{Method, NvMemoryRange};
use std::collections::BTreeSet;

/// `STATUS_INVALID_PARAMETER`.
const INVALID_PARAMETER: i32 = 0xC000_000D_u32 as i32;
const NO_DRAIN: u32 = 0x1;
const WRITE_FLUSH: u32 = 0x1;
const WRITE_NON_TEMPORAL: u32 = 0x2;
const WRITE_NO_DRAIN: u32 = 0x100;
/// Non-temporal stores fill whole units of this size, aligned to it.
const UNIT: usize = 64;

/// What happened in a call.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// What the routine returned.
    pub status: i32,
    /// What was executed.
    pub events: &'a [Event],
    /// Address of the arena.
    pub base: usize,
    /// The arena before the call.
    pub before: &'a [u8],
    /// The arena after it.
    pub after: &'a [u8],
}

/// How the processor flushes.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The method in use.
    pub method: Method,
    /// Bytes in a cache line.
    pub line_size: usize,
}

/// A complaint, or nothing.
pub type Verdict = Result<(), String>;

macro_rules! demand {
    ($condition:expr, $($complaint:tt)*) => {
        if !$condition {
            return Err(format!($($complaint)*));
        }
    };
}

impl Machine {
    /// Judges a call.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn judge(&self, case: &Case, outcome: &Outcome<'_>) -> Verdict {
        if !is_valid(case) {
            let status = outcome.status;
            demand!(status == INVALID_PARAMETER, "not refused: {status:#x}");
            demand!(outcome.events.is_empty(), "refused, but executed something");
            demand!(outcome.before == outcome.after, "refused, but stored");
            return Ok(());
        }
        demand!(outcome.status == 0, "refused with {:#x}", outcome.status);
        match &case.call {
            Call::Drain => self.judge_flush(&[], true, outcome),
            Call::Flush { range, flags } => {
                self.judge_flush(&[*range], flags & NO_DRAIN == 0, outcome)
            }
            Call::FlushRanges { ranges, flags } => {
                self.judge_flush(ranges, flags & NO_DRAIN == 0, outcome)
            }
            Call::Write {
                destination,
                source,
                size,
                flags,
            } => {
                let target = NvMemoryRange::new(*destination, *size);
                let source_address = source.address().addr();
                let overlaps = source_address.abs_diff(*destination) < *size;
                let bytes = match source_address.checked_sub(outcome.base) {
                    Some(offset) if offset < outcome.before.len() => {
                        outcome.before[offset..offset + size].to_vec()
                    }
                    // SAFETY: the source is outside the arena, and nobody stores there.
                    _ => unsafe { source.bytes(*size) }.to_vec(),
                };
                self.judge_store(target, &bytes, *flags, overlaps, outcome)
            }
            Call::Fill {
                destination,
                size,
                value,
                flags,
            } => {
                let target = NvMemoryRange::new(*destination, *size);
                self.judge_store(target, &vec![*value; *size], *flags, false, outcome)
            }
        }
    }

    fn judge_flush(
        &self,
        ranges: &[NvMemoryRange],
        drains: bool,
        outcome: &Outcome<'_>,
    ) -> Verdict {
        demand!(outcome.before == outcome.after, "a flush has stored");
        let mut expected = Vec::new();
        if let Some(by) = self.flush() {
            for range in ranges {
                expected.extend(self.lines(range).map(|line| Step::Flush(by, line)));
            }
        }
        if drains {
            expected.push(Step::Fence(self.fence()));
        }
        let executed = self.steps(outcome.events);
        demand!(
            executed == expected,
            "expected {expected:x?}\nexecuted {executed:x?}"
        );
        Ok(())
    }

    fn judge_store(
        &self,
        target: NvMemoryRange,
        bytes: &[u8],
        flags: u32,
        overlaps: bool,
        outcome: &Outcome<'_>,
    ) -> Verdict {
        let mut wanted = outcome.before.to_vec();
        if !bytes.is_empty() {
            let offset = target.base_address - outcome.base;
            wanted[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        demand!(outcome.after == wanted, "other bytes than asked for");
        let executed = self.steps(outcome.events);
        if flags & (WRITE_FLUSH | WRITE_NON_TEMPORAL) == 0 {
            demand!(executed.is_empty(), "executed {executed:x?}");
            return Ok(());
        }
        let may_bypass = flags & WRITE_NON_TEMPORAL != 0 && !overlaps;
        let must_bypass = may_bypass && flags & WRITE_FLUSH == 0;
        let units = units(&target);
        let has_bypassed = executed
            .iter()
            .any(|step| matches!(step, Step::NonTemporal(_)));
        demand!(may_bypass || !has_bypassed, "non-temporal without need");
        demand!(
            has_bypassed || !must_bypass || units.is_empty(),
            "not non-temporal"
        );
        let past = if has_bypassed { units } else { BTreeSet::new() };
        let drains = flags & WRITE_NO_DRAIN == 0 || flags & WRITE_NON_TEMPORAL != 0;
        self.judge_order(&target, &past, drains, &executed)?;
        self.judge_durability(&target, drains, outcome)
    }

    /// Each unit is stored past the caches once, each other line is flushed once, and a fence is the
    /// end.
    fn judge_order(
        &self,
        target: &NvMemoryRange,
        past: &BTreeSet<usize>,
        drains: bool,
        executed: &[Step],
    ) -> Verdict {
        let mut stored = BTreeSet::new();
        let mut flushed = Vec::new();
        let mut fences = Vec::new();
        for step in executed {
            demand!(fences.is_empty(), "{step:x?} after the fence");
            match *step {
                Step::NonTemporal(byte) => {
                    demand!(stored.insert(byte), "{byte:#x} is stored twice");
                }
                Step::Flush(by, line) => {
                    demand!(Some(by) == self.flush(), "flushed by {by:?}");
                    flushed.push(line);
                }
                Step::Fence(fence) => fences.push(fence),
            }
        }
        let past_bytes: BTreeSet<_> = past
            .iter()
            .flat_map(|unit| (0..UNIT).map(move |byte| unit + byte))
            .collect();
        demand!(stored == past_bytes, "stored past the caches: {stored:x?}");
        let expected: Vec<_> = self
            .lines(target)
            .filter(|line| self.flush().is_some() && !self.is_written_back(*line, past))
            .collect();
        demand!(
            flushed == expected,
            "flushed {flushed:x?}, not {expected:x?}"
        );
        let expected = if drains { vec![self.fence()] } else { vec![] };
        demand!(fences == expected, "fences: {fences:?}");
        Ok(())
    }

    /// What reached the persistence domain, if power had failed at the end (or, without a drain,
    /// after the drain that follows).
    fn judge_durability(
        &self,
        target: &NvMemoryRange,
        drains: bool,
        outcome: &Outcome<'_>,
    ) -> Verdict {
        if self.flush().is_none() {
            return Ok(());
        }
        let mut durable = outcome.before.to_vec();
        let mut pending: Vec<(usize, Vec<u8>)> = Vec::new();
        let events = outcome.events.iter().copied();
        let drain = (!drains).then_some(Event::Fence(self.fence()));
        for event in events.chain(drain) {
            match event {
                Event::Flush { address, shown, .. } => {
                    pending.push((address & !(SHOWN - 1), shown.to_vec()));
                }
                // The caches do not have these bytes, where non-temporal stores bypass them.
                Event::NonTemporal { address, length } if cfg!(target_arch = "x86_64") => {
                    let offset = address - outcome.base;
                    pending.push((address, outcome.after[offset..offset + length].to_vec()));
                }
                Event::NonTemporal { .. } => {}
                Event::Fence(_) => {
                    for (address, bytes) in pending.drain(..) {
                        let offset = address - outcome.base;
                        durable[offset..offset + bytes.len()].copy_from_slice(&bytes);
                    }
                }
            }
        }
        if target.length > 0 {
            let offset = target.base_address - outcome.base;
            let part = offset..offset + target.length;
            demand!(durable[part.clone()] == outcome.after[part], "not durable");
        }
        Ok(())
    }

    fn lines(&self, range: &NvMemoryRange) -> impl Iterator<Item = usize> + use<> {
        let (start, size) = (range.base_address, range.length);
        let first = start - start % self.line_size;
        let end = if size == 0 { first } else { start + size };
        (first..end).step_by(self.line_size)
    }

    /// Whether the line needs no flush, all of it having been stored past the caches. On AArch64
    /// a non-temporal store is a hint, and promises nothing.
    fn is_written_back(&self, line: usize, past: &BTreeSet<usize>) -> bool {
        cfg!(target_arch = "x86_64")
            && (line..line + self.line_size)
                .step_by(UNIT)
                .all(|unit| past.contains(&unit))
    }

    fn steps(&self, events: &[Event]) -> Vec<Step> {
        let mut steps = Vec::new();
        for event in events {
            match *event {
                Event::Flush { by, address, .. } => {
                    steps.push(Step::Flush(by, address - address % self.line_size));
                }
                Event::Fence(fence) => steps.push(Step::Fence(fence)),
                Event::NonTemporal { address, length } => {
                    steps.extend((0..length).map(|byte| Step::NonTemporal(address + byte)));
                }
            }
        }
        steps
    }

    #[cfg(target_arch = "x86_64")]
    fn flush(&self) -> Option<Flush> {
        match self.method {
            Method::NoFlush => None,
            Method::Clflush => Some(Flush::Clflush),
            Method::ClflushOpt => Some(Flush::Clflushopt),
            Method::Clwb => Some(Flush::Clwb),
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn flush(&self) -> Option<Flush> {
        match self.method {
            Method::NoFlush => None,
            Method::DcCvac => Some(Flush::DcCvac),
            Method::DcCvap => Some(Flush::DcCvap),
            Method::DcCvadp => Some(Flush::DcCvadp),
        }
    }

    /// Manuals disagree on whether `SFENCE` waits for `CLFLUSH`, and agree on `MFENCE`.
    #[cfg(target_arch = "x86_64")]
    fn fence(&self) -> Fence {
        match self.method {
            Method::Clflush => Fence::Mfence,
            _ => Fence::Sfence,
        }
    }

    #[cfg(target_arch = "aarch64")]
    #[expect(clippy::unused_self, reason = "on the other architecture it matters")]
    fn fence(&self) -> Fence {
        Fence::DsbSy
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Flush(Flush, usize),
    Fence(Fence),
    NonTemporal(usize),
}

/// The aligned units that lie wholly inside a range.
fn units(range: &NvMemoryRange) -> BTreeSet<usize> {
    let end = range.base_address + range.length;
    let first = range.base_address.next_multiple_of(UNIT);
    (first..end)
        .step_by(UNIT)
        .filter(|unit| unit + UNIT <= end)
        .collect()
}

fn is_valid(case: &Case) -> bool {
    let default = match case.token {
        Token::Valid => false,
        Token::Default => true,
        Token::Forged(_) | Token::Freed | Token::Truncated | Token::Any(_) => return false,
    };
    let is_inside = |range: &NvMemoryRange| {
        let (start, size) = (range.base_address as u128, range.length as u128);
        let region = (case.region.base_address as u128, case.region.length as u128);
        size == 0
            || if default {
                start != 0 && start + size <= usize::MAX as u128
            } else {
                start >= region.0 && start + size <= region.0 + region.1
            }
    };
    match &case.call {
        Call::Drain => true,
        Call::Flush { range, flags } => flags & !NO_DRAIN == 0 && is_inside(range),
        Call::FlushRanges { ranges, flags } => {
            flags & !NO_DRAIN == 0 && ranges.iter().all(is_inside)
        }
        Call::Write {
            destination,
            size,
            flags,
            ..
        }
        | Call::Fill {
            destination,
            size,
            flags,
            ..
        } => {
            let known = WRITE_FLUSH | WRITE_NON_TEMPORAL | WRITE_NO_DRAIN;
            flags & !known == 0
                && *flags != WRITE_NO_DRAIN
                && is_inside(&NvMemoryRange::new(*destination, *size))
        }
    }
}
