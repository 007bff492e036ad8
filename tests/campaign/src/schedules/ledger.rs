//! What was written when, and what commits have promised of it.
//!
//! Every write has a stamp of its own in each aligned 8 bytes. A commit that succeeds promises, for
//! each of them, the last write that had completed before it began, or one that came later or at the
//! same time.

use ntsim::{CutPolicy, FileId, Sim};
use std::{collections::HashMap, ops::Range};

/// Bytes with a stamp.
pub const UNIT: u64 = 8;
const LINE: u64 = 64;

#[derive(Clone, Copy, Debug)]
struct Write {
    stamp: u64,
    begun: u64,
    /// Nothing, if it is not promised by anybody.
    ended: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Unit {
    writes: Vec<Write>,
    /// Writes that began before have been cut off.
    floor: u64,
    /// When the latest commit that promises the unit has begun.
    promised: Option<u64>,
    /// Writes that promise themselves.
    through: Vec<u64>,
}

impl Unit {
    /// What is wrong with a value.
    fn judge(&self, value: u64) -> Option<String> {
        let is_promised = |write: &&Write| {
            let by_commit = write.ended.is_some() && write.ended <= self.promised;
            write.begun >= self.floor && (by_commit || self.through.contains(&write.stamp))
        };
        let required: Vec<_> = self.writes.iter().filter(is_promised).collect();
        let newest = required.iter().max_by_key(|write| write.begun)?;
        let Some(found) = self.writes.iter().find(|write| write.stamp == value) else {
            return Some(format!(
                "is {value:#x}, which nobody wrote, and not write {}",
                newest.stamp
            ));
        };
        let is_older = found.ended.is_some_and(|ended| ended < newest.begun);
        is_older.then(|| format!("is write {value}, and not write {}", newest.stamp))
    }
}

struct File {
    name: String,
    id: FileId,
    region: u64,
    units: Vec<Unit>,
    /// By line, how often it was recorded.
    recorded: HashMap<u64, u64>,
}

/// A write that is under way.
pub struct Writing {
    file: usize,
    units: Range<usize>,
    stamp: u64,
    detachments: u64,
    through: bool,
}

/// A commit that is under way.
#[derive(Clone, Copy)]
pub struct Committing {
    begun: u64,
    detachments: u64,
}

/// All files of a machine.
#[derive(Default)]
pub struct Ledger {
    files: Vec<File>,
    clock: u64,
    stamp: u64,
    /// Detachments that have begun or ended.
    detachments: u64,
    /// The filter is going, or gone.
    detached: bool,
    /// By line on the device.
    flushes: HashMap<u64, u64>,
    /// What was broken.
    pub broken: Vec<String>,
    /// Power cuts.
    pub cuts: u64,
    /// Commits that succeeded.
    pub commits: u64,
}

impl Ledger {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The number of a file of so many bytes at most.
    pub fn file(&mut self, name: &str, id: FileId, region: u64, bytes: u64) -> usize {
        let known = self.files.iter().position(|file| file.id == id);
        known.unwrap_or_else(|| {
            self.files.push(File {
                name: name.to_owned(),
                id,
                region,
                units: vec![Unit::default(); (bytes / UNIT) as usize],
                recorded: HashMap::new(),
            });
            self.files.len() - 1
        })
    }

    /// A write begins: its data. Offset and length are of whole units.
    pub fn begins(&mut self, file: usize, offset: u64, length: u64) -> (Writing, Vec<u8>) {
        let begun = self.tick();
        self.stamp += 1;
        let stamp = self.stamp;
        let units = (offset / UNIT) as usize..((offset + length) / UNIT) as usize;
        for unit in &mut self.files[file].units[units.clone()] {
            unit.writes.push(Write {
                stamp,
                begun,
                ended: None,
            });
        }
        for line in offset / LINE..(offset + length).div_ceil(LINE) {
            *self.files[file].recorded.entry(line).or_default() += 1;
        }
        let data = stamp.to_le_bytes().repeat(units.len());
        let writing = Writing {
            file,
            units,
            stamp,
            detachments: self.detachments,
            through: false,
        };
        (writing, data)
    }

    /// The write is durable when it completes.
    pub fn goes_through(writing: &mut Writing) {
        writing.through = true;
    }

    /// The write has completed, unless the filter was not there for all of it.
    pub fn ends(&mut self, writing: Writing) {
        let now = self.tick();
        if self.detached || writing.detachments != self.detachments {
            return;
        }
        for unit in &mut self.files[writing.file].units[writing.units] {
            let mut writes = unit.writes.iter_mut();
            if let Some(write) = writes.find(|write| write.stamp == writing.stamp) {
                write.ended = Some(now);
                unit.through
                    .extend(writing.through.then_some(writing.stamp));
            }
        }
    }

    /// The end of a file is about to move.
    pub fn truncates(&mut self, file: usize, size: u64) {
        self.cut_off(file, size, u64::MAX);
    }

    /// The end of a file has moved.
    pub fn truncated(&mut self, file: usize, size: u64) {
        let now = self.tick();
        self.cut_off(file, size, now);
    }

    fn cut_off(&mut self, file: usize, size: u64, floor: u64) {
        for unit in &mut self.files[file].units[(size / UNIT) as usize..] {
            unit.floor = floor;
        }
    }

    /// A detachment begins; what completes from now on is not the filter's.
    pub fn detaches(&mut self) {
        self.detachments += 1;
        self.detached = true;
    }

    /// The filter is there: it was attached again, or has refused to go.
    pub fn attached(&mut self) {
        self.detachments += 1;
        self.detached = false;
    }

    /// A commit begins.
    pub fn commits(&mut self) -> Committing {
        Committing {
            begun: self.tick(),
            detachments: self.detachments,
        }
    }

    /// A commit has succeeded: what it promises.
    pub fn committed(
        &mut self,
        sim: &Sim,
        what: &str,
        commit: Committing,
        scopes: &[(usize, Range<u64>)],
        seed: u64,
    ) {
        if commit.detachments == self.detachments && !self.detached {
            self.promises(commit, scopes);
        }
        self.cut(sim, what, seed);
    }

    /// The filter has committed everything before it went.
    pub fn committed_by_detachment(
        &mut self,
        sim: &Sim,
        what: &str,
        commit: Committing,
        seed: u64,
    ) {
        let whole = |file: &File| 0..file.units.len() as u64 * UNIT;
        let scopes: Vec<_> = self.files.iter().map(whole).enumerate().collect();
        self.promises(commit, &scopes);
        self.cut(sim, what, seed);
    }

    fn promises(&mut self, commit: Committing, scopes: &[(usize, Range<u64>)]) {
        self.commits += 1;
        for (file, range) in scopes {
            let units = &mut self.files[*file].units;
            let last = ((range.end / UNIT) as usize).min(units.len());
            let first = (range.start.div_ceil(UNIT) as usize).min(last);
            for unit in &mut units[first..last] {
                unit.promised = unit.promised.max(Some(commit.begun));
            }
        }
    }

    /// Cuts the power, and looks at what survives.
    pub fn cut(&mut self, sim: &Sim, when: &str, seed: u64) {
        for policy in [CutPolicy::Durable, CutPolicy::Random(seed)] {
            self.cuts += 1;
            let survivors = sim.power_cut(policy);
            for file in &self.files {
                let mut bytes = vec![0; file.units.len() * UNIT as usize];
                if !survivors.read(file.id, 0, &mut bytes) {
                    continue;
                }
                let words = bytes.as_chunks::<{ UNIT as usize }>().0;
                let wrong = file.units.iter().zip(words).enumerate();
                let mut wrong = wrong.filter_map(|(at, (unit, bytes))| {
                    Some((at, unit.judge(u64::from_le_bytes(*bytes))?))
                });
                if let Some((at, wrong)) = wrong.next() {
                    self.broken.push(format!(
                        "P1 is broken after {when}, with {policy:?}: {} at {:#x} {wrong}; {} more units",
                        file.name,
                        at as u64 * UNIT,
                        wrong_count(file, words) - 1
                    ));
                }
            }
        }
    }

    /// A flush of a line of the device.
    pub fn flushed(&mut self, line: u64) {
        *self.flushes.entry(line).or_default() += 1;
    }

    /// P3: each flush of a line needs a record of its own.
    pub fn check_exact(&mut self) {
        for file in &self.files {
            for line in 0..(file.units.len() as u64 * UNIT) / LINE {
                let flushes = self.flushes.get(&(file.region + line * LINE));
                let flushes = flushes.copied().unwrap_or_default();
                let records = file.recorded.get(&line).copied().unwrap_or_default();
                if flushes > records {
                    self.broken.push(format!(
                        "P3 is broken: line {line} of {} was written to {records} times and flushed {flushes} times",
                        file.name
                    ));
                }
            }
        }
    }
}

fn wrong_count(file: &File, words: &[[u8; UNIT as usize]]) -> usize {
    let pairs = file.units.iter().zip(words);
    pairs
        .filter(|(unit, bytes)| unit.judge(u64::from_le_bytes(**bytes)).is_some())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(writes: &[(u64, u64, Option<u64>)], promised: u64) -> Unit {
        let write = |&(stamp, begun, ended): &_| Write {
            stamp,
            begun,
            ended,
        };
        Unit {
            writes: writes.iter().map(write).collect(),
            floor: 0,
            promised: Some(promised),
            through: Vec::new(),
        }
    }

    #[test]
    fn a_promise_is_of_what_had_completed() {
        let one = unit(&[(1, 1, Some(2)), (2, 3, Some(4)), (3, 6, None)], 5);
        assert!(one.judge(0).is_some(), "nothing");
        assert!(one.judge(1).is_some(), "an older write");
        assert_eq!(one.judge(2), None);
        assert_eq!(one.judge(3), None, "a later write");
        assert!(one.judge(9).is_some(), "nobody's");
    }

    #[test]
    fn of_writes_at_the_same_time_each_may_be_there() {
        let both = unit(&[(1, 1, Some(3)), (2, 2, Some(4))], 5);
        assert_eq!((both.judge(1), both.judge(2)), (None, None));
        assert!(both.judge(0).is_some());
    }

    #[test]
    fn what_was_not_complete_or_was_cut_off_is_not_promised() {
        assert_eq!(unit(&[(1, 1, Some(6))], 5).judge(0), None);
        let mut cut = unit(&[(1, 1, Some(2))], 5);
        cut.floor = 3;
        assert_eq!(cut.judge(0), None);
    }
}
