//! What may be found of each file after a power cut, worked out from what its program did alone.

use super::{
    marks::Mark,
    memory::{Bytes, LINE, UNIT},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

/// What the simulator keeps for each file of its device.
const REGION: u64 = 1 << 30;

/// A value that 8 aligned bytes were given.
#[derive(Clone, Copy, Debug)]
struct Value {
    bytes: [u8; UNIT],
    /// By which store; nothing for zeros of the file system.
    store: Option<usize>,
}

/// 8 aligned bytes of a file: the value that is promised, and all since, in order.
#[derive(Clone, Debug)]
struct Unit {
    values: Vec<Value>,
    /// What it held before: never to be seen again.
    gone: Vec<Value>,
}

const ZEROS: Value = Value {
    bytes: [0; UNIT],
    store: None,
};

impl Default for Unit {
    fn default() -> Self {
        Self {
            values: vec![ZEROS],
            gone: Vec::new(),
        }
    }
}

impl Unit {
    /// What the memory may hold now: the last value whose store has completed, and those of stores that
    /// never did, which may have been refused.
    fn now(&self, stored: &HashMap<usize, u64>) -> Vec<[u8; UNIT]> {
        let certain = |value: &Value| value.store.is_none_or(|store| stored.contains_key(&store));
        let last = self.values.iter().rposition(certain).unwrap_or(0);
        // A store has as many values as there were before it.
        let first = self.first_of(last);
        self.values[first..]
            .iter()
            .map(|value| value.bytes)
            .collect()
    }

    /// The first value of the store that this one is of.
    fn first_of(&self, at: usize) -> usize {
        let store = self.values[at].store;
        let before = self.values[..at]
            .iter()
            .rposition(|value| value.store != store);
        match (store, before) {
            (None, _) => at,
            (Some(_), None) => 0,
            (Some(_), Some(before)) => before + 1,
        }
    }
}

/// One file, as its program knows it.
#[derive(Debug)]
pub struct File {
    /// Its path.
    pub name: String,
    /// Where it begins on the device.
    pub region: u64,
    /// In bytes.
    pub size: u64,
    units: BTreeMap<u64, Unit>,
    /// Units with more than one value.
    open: BTreeSet<u64>,
}

struct Commit {
    scopes: Vec<(usize, Option<Range<u64>>)>,
    what: String,
    /// Stores that had completed by then.
    began: u64,
}

/// What was promised so far.
#[derive(Default)]
pub struct Promise {
    /// Files by number.
    pub files: BTreeMap<usize, File>,
    /// When each store completed.
    stored: HashMap<usize, u64>,
    commits: HashMap<usize, Commit>,
    clock: u64,
    /// Changes after which less may be found than before.
    pub epoch: u64,
    /// Places on the device, a line each, of which less may be found since somebody looked.
    pub narrowed: Vec<u64>,
    /// A file was made since somebody looked: its place must be empty.
    pub is_fresh: bool,
    /// The transactions that were begun and that are relied on.
    pub transactions: (u64, u64),
    /// The last commit that succeeded, and those that failed since.
    pub last: Option<String>,
    /// Commits that succeeded and that failed.
    pub ended: (u64, u64),
}

/// What is wrong with 8 bytes of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// An older value than the one that is promised.
    Lost,
    /// A value that was never stored.
    Torn,
}

impl Promise {
    /// Takes note of what the program did; whether less may be found from now on.
    pub fn mark(&mut self, mark: &Mark) -> bool {
        self.clock += 1;
        let epoch = self.epoch;
        match mark {
            Mark::File { file, name, region } => {
                let made = File {
                    name: name.clone(),
                    region: *region,
                    size: 0,
                    units: BTreeMap::new(),
                    open: BTreeSet::new(),
                };
                self.files.insert(*file, made);
                self.is_fresh = true;
                self.epoch += 1;
            }
            Mark::Size { file, size } => self.resize(*file, *size),
            Mark::Gone { file } => {
                self.files.remove(file);
            }
            Mark::Storing {
                store,
                file,
                offset,
                data,
            } => self.store(Some(*store), *file, *offset, data),
            Mark::Stored { store } => {
                self.stored.insert(*store, self.clock);
            }
            Mark::Committing {
                commit,
                scopes,
                what,
            } => {
                let begun = Commit {
                    scopes: scopes.clone(),
                    what: what.clone(),
                    began: self.clock,
                };
                self.commits.insert(*commit, begun);
            }
            Mark::Committed { commit, success } => self.end(*commit, *success),
            Mark::Through { store } => {
                self.stored.entry(*store).or_insert(self.clock);
                let mut files = std::mem::take(&mut self.files);
                for file in files.values_mut() {
                    let lines = 0..u64::MAX;
                    let narrowed = keep(file, &lines, |value| value.store == Some(*store));
                    self.narrowed.extend(narrowed);
                }
                self.files = files;
                self.last = Some("a write through".to_owned());
                self.epoch += 1;
            }
            Mark::Begun(transaction) => self.transactions.0 = *transaction,
            Mark::Relied(transaction) => {
                self.transactions.1 = *transaction;
                self.epoch += 1;
            }
            Mark::Durable { .. } => {}
        }
        self.epoch != epoch
    }

    fn store(&mut self, store: Option<usize>, file: usize, offset: u64, data: &[u8]) {
        let Some(file) = self.files.get_mut(&file) else {
            return;
        };
        let end = offset + data.len() as u64;
        for number in offset / UNIT as u64..end.div_ceil(UNIT as u64) {
            let unit = file.units.entry(number).or_default();
            let start = number * UNIT as u64;
            let (from, to) = (start.max(offset), (start + UNIT as u64).min(end));
            let mut after: Vec<[u8; UNIT]> = Vec::new();
            for mut bytes in unit.now(&self.stored) {
                bytes[(from - start) as usize..(to - start) as usize]
                    .copy_from_slice(&data[(from - offset) as usize..(to - offset) as usize]);
                if !after.contains(&bytes) {
                    after.push(bytes);
                }
            }
            let values = after.into_iter().map(|bytes| Value { bytes, store });
            unit.values.extend(values);
            file.open.insert(number);
        }
        file.size = file.size.max(end);
    }

    /// What is cut off may come back as zeros; so may, for what the file keeps of a line, what the file
    /// system zeroed with stores that no commit has to cover.
    fn resize(&mut self, number: usize, size: u64) {
        let Some(file) = self.files.get(&number) else {
            return;
        };
        if size < file.size {
            let zeros = vec![0; (file.size - size) as usize];
            self.store(None, number, size, &zeros);
        }
        if let Some(file) = self.files.get_mut(&number) {
            file.size = size;
        }
    }

    fn end(&mut self, commit: usize, success: bool) {
        let Some(commit) = self.commits.remove(&commit) else {
            return;
        };
        if !success {
            self.ended.1 += 1;
            return;
        }
        let mut files = std::mem::take(&mut self.files);
        for (number, range) in &commit.scopes {
            if let Some(file) = files.get_mut(number) {
                let range = range.clone().unwrap_or(0..u64::MAX);
                let narrowed = keep(file, &range, |value| {
                    let stored = value.store.and_then(|store| self.stored.get(&store));
                    stored.is_some_and(|at| *at < commit.began)
                });
                self.narrowed.extend(narrowed);
            }
        }
        self.files = files;
        self.last = Some(commit.what);
        self.ended.0 += 1;
        self.epoch += 1;
    }

    /// The file at a place of the device, and how far into it.
    pub fn file_at(&self, offset: u64) -> Option<(&File, u64)> {
        let files = self.files.values();
        let mut here = files.filter(|file| (file.region..file.region + REGION).contains(&offset));
        let file = here.next()?;
        Some((file, offset - file.region))
    }

    /// The units of a line that must not be found so, as bits.
    pub fn wrong(&self, file: &File, offset: u64, found: &Bytes) -> u8 {
        let first = offset / UNIT as u64;
        let units = found.chunks_exact(UNIT).enumerate();
        let wrong = units.filter(|(at, bytes)| {
            let unit = file.units.get(&(first + *at as u64));
            let values = unit.map_or(&[ZEROS][..], |unit| &unit.values);
            !values.iter().any(|value| value.bytes == **bytes)
        });
        wrong.fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// How a unit that must not be found so is wrong, and what may be.
    pub fn explain(&self, file: &File, offset: u64, found: &[u8]) -> (Wrong, Vec<[u8; UNIT]>) {
        let unit = file.units.get(&(offset / UNIT as u64));
        let unit = unit.cloned().unwrap_or_default();
        let older = unit.gone.iter().any(|value| value.bytes == found);
        let wrong = if older { Wrong::Lost } else { Wrong::Torn };
        (wrong, unit.values.iter().map(|value| value.bytes).collect())
    }
}

/// Drops what is older than the last value of this kind, of units within a range. Of units that are only
/// partly within it nothing is promised here. Returns the places where something was dropped.
fn keep(file: &mut File, range: &Range<u64>, kind: impl Fn(&Value) -> bool) -> Vec<u64> {
    let inside = range.start.div_ceil(UNIT as u64)..range.end / UNIT as u64;
    let open: Vec<u64> = file.open.range(inside).copied().collect();
    let mut narrowed = Vec::new();
    for number in open {
        let Some(unit) = file.units.get_mut(&number) else {
            continue;
        };
        let last = unit.values.iter().rposition(&kind);
        if let Some(at) = last.map(|last| unit.first_of(last))
            && at != 0
        {
            unit.gone.extend(unit.values.drain(..at));
            let place = (file.region + number * UNIT as u64) / LINE as u64 * LINE as u64;
            if narrowed.last() != Some(&place) {
                narrowed.push(place);
            }
        }
        if unit.values.len() == 1 {
            file.open.remove(&number);
        }
    }
    narrowed
}

#[cfg(test)]
mod tests;
