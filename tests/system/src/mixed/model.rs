//! What each aligned 8 bytes of a file may hold after a power cut, while stores and commits of several
//! threads overlap.

use ntsim::NtStatus;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// Bytes that a power cut never tears, when aligned.
pub const UNIT: u64 = 8;
const LINE: u64 = 64;

/// A store that has begun and not completed.
const UNDER_WAY: u64 = u64::MAX;

/// The values that a unit may have, oldest first, each with the number of its store.
#[derive(Default)]
struct Unit {
    values: Vec<(u64, u64)>,
    /// Since a commit covered a store to it; what was there before is not modelled.
    known: bool,
}

/// Where a commit begins: stores completed until then are what it answers for.
#[derive(Clone, Copy)]
pub struct Mark {
    generation: u64,
    completed: u64,
}

/// One file.
#[derive(Default)]
pub struct Model {
    units: BTreeMap<u64, Unit>,
    dirty: BTreeSet<u64>,
    completed: u64,
    /// How often the file was made anew.
    generation: u64,
    /// Since the last power cut.
    pub touched: bool,
}

impl Model {
    /// Stores of these values, one for each unit from a byte offset on, are about to happen: from now
    /// on they may survive.
    pub fn begin(&mut self, offset: u64, values: &[u64]) {
        self.touched = true;
        for (unit, value) in (offset / UNIT..).zip(values) {
            let entry = self.units.entry(unit).or_default();
            entry.values.push((UNDER_WAY, *value));
            self.dirty.insert(unit);
        }
    }

    /// They have happened and every report of them has been made; or they were refused, and nothing
    /// was stored.
    pub fn end(&mut self, offset: u64, count: usize, done: Result<(), NtStatus>) {
        self.completed += 1;
        let units = offset / UNIT..offset / UNIT + count as u64;
        for (_, unit) in self.units.range_mut(units) {
            match done {
                Ok(()) => {
                    let last = unit.values.last_mut();
                    last.expect("a store has begun").0 = self.completed;
                }
                Err(_) => drop(unit.values.pop()),
            }
        }
    }

    /// A commit begins.
    pub fn mark(&self) -> Mark {
        Mark {
            generation: self.generation,
            completed: self.completed,
        }
    }

    /// A commit of a range has succeeded that began at `mark`.
    pub fn commit(&mut self, mark: Mark, range: &Range<u64>) {
        if mark.generation != self.generation {
            return;
        }
        let first = range.start / LINE * LINE / UNIT;
        let last = range.end.div_ceil(LINE).saturating_mul(LINE / UNIT);
        let candidates: Vec<u64> = self.dirty.range(first..last).copied().collect();
        for unit in candidates {
            let Some(entry) = self.units.get_mut(&unit) else {
                self.dirty.remove(&unit);
                continue;
            };
            let covered = |(number, _): &(u64, u64)| *number <= mark.completed;
            if let Some(at) = entry.values.iter().rposition(covered) {
                entry.values.drain(..at);
                entry.known = true;
            }
            if entry.known && entry.values.len() == 1 {
                self.dirty.remove(&unit);
            }
        }
    }

    /// The file ends at a line's end from now on, or is about to: nothing is known of what is beyond
    /// until it is stored to again.
    pub fn cut_off(&mut self, size: u64) {
        self.touched = true;
        drop(self.units.split_off(&(size / UNIT)));
        drop(self.dirty.split_off(&(size / UNIT)));
    }

    /// The file is another one from now on.
    pub fn anew(&mut self) {
        self.cut_off(0);
        self.generation += 1;
    }

    /// Whether a program may read this value now; of what is not modelled, any.
    pub fn reads(&self, offset: u64, value: u64) -> bool {
        let unit = self.units.get(&(offset / UNIT));
        let last = unit.and_then(|unit| unit.values.last());
        last.is_none_or(|(_, last)| *last == value)
    }

    /// Compares what survived, read page by page, with what may have; returns the first loss.
    pub fn check(&self, mut read: impl FnMut(u64, &mut [u8])) -> Option<String> {
        const PAGE: u64 = 4096;
        let (mut page, mut bytes) = (u64::MAX, vec![0; PAGE as usize]);
        for (unit, entry) in self.units.iter().filter(|(_, entry)| entry.known) {
            let at = unit * UNIT;
            if at / PAGE != page {
                page = at / PAGE;
                read(page * PAGE, &mut bytes);
            }
            let within = (at % PAGE) as usize;
            let found = bytes[within..within + UNIT as usize].try_into();
            let found = u64::from_le_bytes(found.expect("8 bytes"));
            if entry.values.iter().all(|(_, value)| *value != found) {
                let may = &entry.values;
                return Some(format!(
                    "at byte {at} is {found:#x}, and not one of {may:x?}"
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Model;

    fn found(value: u64) -> impl Fn(u64, &mut [u8]) {
        move |_, bytes| bytes[..8].copy_from_slice(&value.to_le_bytes())
    }

    #[test]
    fn a_commit_covers_what_was_completed_before_it_began_and_no_more() {
        let mut model = Model::default();
        for value in [5, 6] {
            model.begin(0, &[value]);
            model.end(0, 1, Ok(()));
        }
        let mark = model.mark();
        model.begin(0, &[7]);
        model.commit(mark, &(0..8));
        assert!(model.check(found(5)).is_some());
        assert!(model.check(found(6)).is_none() && model.check(found(7)).is_none());
        model.end(0, 1, Ok(()));
        model.commit(mark, &(0..8));
        assert!(model.check(found(6)).is_none());
        model.commit(model.mark(), &(64..128));
        assert!(model.check(found(6)).is_none(), "another line");
        model.commit(model.mark(), &(0..8));
        assert!(model.check(found(6)).is_some());
    }

    #[test]
    fn a_refused_store_is_none_and_a_new_file_owes_nothing_to_an_old_commit() {
        let mut model = Model::default();
        model.begin(0, &[5]);
        model.end(0, 1, Ok(()));
        model.commit(model.mark(), &(0..8));
        model.begin(0, &[6]);
        model.end(0, 1, Err(ntsim::NtStatus::INSUFFICIENT_RESOURCES));
        assert!(model.check(found(6)).is_some());
        let mark = model.mark();
        model.anew();
        model.begin(0, &[7]);
        model.end(0, 1, Ok(()));
        model.commit(mark, &(0..8));
        assert!(model.check(found(0)).is_none());
    }
}
