//! What must be durable, worked out from the trace alone: no driver, no simulator.

mod view;

use crate::{mapped::Mapped, random::mix};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

/// Bytes of a cache line.
pub const LINE: u64 = 64;
/// Bytes that are stored at once: the only atomicity that is promised.
const UNIT: usize = 8;

type Line = [u8; LINE as usize];

/// A line's contents: the last committed one, and all since, in order.
#[derive(Clone, Debug)]
struct History {
    versions: Vec<Line>,
}

impl History {
    fn is_dirty(&self) -> bool {
        self.versions.len() > 1
    }

    fn now(&self) -> &Line {
        self.versions.last().expect("a history is never empty")
    }
}

/// One stream.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Size in bytes.
    pub size: u64,
    lines: BTreeMap<u64, History>,
    dirty: BTreeSet<u64>,
    view: Option<view::View>,
}

/// A byte range that did not survive as it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Offset in the file of the first byte that is wrong.
    pub offset: u64,
    /// Bytes that are wrong.
    pub bytes: u64,
    /// Whether the line was committed, or only older than what was committed.
    pub committed: bool,
}

impl File {
    /// New contents for bytes that are about to be stored: different, in every byte, from what was
    /// there, and the same for the same sequence number.
    pub fn fresh_data(&self, offset: u64, length: u64, sequence: u64) -> Vec<u8> {
        let byte = |at: u64| {
            let old = self.lines.get(&(at / LINE)).map_or(0, |line| {
                let within = (at % LINE) as usize;
                line.now()[within]
            });
            // 1 to 255: never what was there.
            old.wrapping_add((mix(sequence ^ at.rotate_left(32)) % 255) as u8 + 1)
        };
        (offset..offset + length).map(byte).collect()
    }

    /// What a range holds now.
    pub fn contents(&self, offset: u64, length: u64) -> Vec<u8> {
        let byte = |at: u64| {
            let line = self.lines.get(&(at / LINE));
            line.map_or(0, |line| line.now()[(at % LINE) as usize])
        };
        (offset..offset + length).map(byte).collect()
    }

    /// Records that `data` was stored.
    pub fn store(&mut self, offset: u64, data: &[u8]) {
        let end = offset + data.len() as u64;
        for index in offset / LINE..end.div_ceil(LINE) {
            let zero = || History {
                versions: vec![[0; LINE as usize]],
            };
            let history = self.lines.entry(index).or_insert_with(zero);
            let mut line = *history.now();
            let (first, last) = ((index * LINE).max(offset), ((index + 1) * LINE).min(end));
            let source = &data[(first - offset) as usize..(last - offset) as usize];
            let target = (first - index * LINE) as usize..(last - index * LINE) as usize;
            line[target].copy_from_slice(source);
            history.versions.push(line);
            self.dirty.insert(index);
        }
        self.size = self.size.max(end);
    }

    /// Lines that were stored to or written since the last commit.
    pub fn dirty_lines(&self) -> u64 {
        self.dirty.len() as u64
    }

    /// Lines of the whole file.
    pub fn lines(&self) -> u64 {
        self.size.div_ceil(LINE)
    }

    /// Records that a commit which began after everything recorded here has succeeded.
    pub fn commit(&mut self) {
        for index in std::mem::take(&mut self.dirty) {
            if let Some(history) = self.lines.get_mut(&index) {
                history.versions.drain(..history.versions.len() - 1);
            }
        }
        if let Some(view) = &mut self.view {
            view.commit();
        }
    }

    /// Lines of a byte range that a commit of it has to flush.
    pub fn dirty_lines_of(&self, range: Range<u64>) -> u64 {
        let lines = range.start / LINE..range.end.div_ceil(LINE);
        self.dirty.range(lines).count() as u64
    }

    /// Records that a commit of a byte range has succeeded; the lines at its edges belong to it.
    pub fn commit_range(&mut self, range: Range<u64>) {
        let lines = range.start / LINE..range.end.div_ceil(LINE);
        let done: Vec<u64> = self.dirty.range(lines).copied().collect();
        for index in done {
            self.dirty.remove(&index);
            if let Some(history) = self.lines.get_mut(&index) {
                history.versions.drain(..history.versions.len() - 1);
            }
        }
    }

    /// Records a new end; what is cut off is gone, durably.
    pub fn truncate(&mut self, size: u64) {
        if size < self.size {
            self.lines.retain(|index, _| index * LINE < size);
            self.dirty.retain(|index| index * LINE < size);
            let cut = (size % LINE) as usize;
            if cut != 0
                && let Some(history) = self.lines.get_mut(&(size / LINE))
            {
                // Zeroed by the file system with stores that no commit has to cover.
                let mut zeroed = *history.now();
                zeroed[cut..].fill(0);
                history.versions.push(zeroed);
            }
        }
        self.size = size;
    }

    /// Records that a writable view was made, with its stores recorded in this way.
    pub fn map(&mut self, mapped: Mapped) {
        self.view = Some(view::View::new(mapped));
    }

    /// Records that `data` was stored through the view.
    pub fn store_through_view(&mut self, offset: u64, data: &[u8]) {
        self.store(offset, data);
        if let Some(view) = &mut self.view {
            view.store(offset, data.len() as u64);
        }
    }

    /// Records that a range did not fit into the dirty log.
    pub fn overflow(&mut self) {
        if let Some(view) = &mut self.view {
            view.overflow();
        }
    }

    /// Lines that a commit flushes: those that are dirty, and those that the driver cannot tell from
    /// them.
    pub fn lines_to_flush(&self) -> u64 {
        let seen = self.view.as_ref().map(|view| view.lines(&self.dirty));
        match seen {
            None | Some(view::Seen::Exactly) => self.dirty_lines(),
            Some(view::Seen::All) => self.lines(),
            Some(view::Seen::Lines(lines)) => lines.range(..self.lines()).count() as u64,
        }
    }

    /// Compares what survived a power cut, read line by line, with what may have.
    ///
    /// A committed line must have survived as it is. Of a line stored to since, each aligned 8
    /// bytes may have any of the values they had since the last commit, that one included.
    pub fn check(&self, mut read: impl FnMut(u64, &mut [u8])) -> Vec<Loss> {
        let mut losses = Vec::new();
        for (index, history) in &self.lines {
            let mut found = [0; LINE as usize];
            read(index * LINE, &mut found);
            let limit = self.size.saturating_sub(index * LINE).min(LINE) as usize;
            if let Some(loss) = history.check(index * LINE, &found[..limit]) {
                losses.push(loss);
            }
        }
        losses
    }
}

impl History {
    /// Compares what was found of the line, as far as the file reaches.
    fn check(&self, offset: u64, found: &[u8]) -> Option<Loss> {
        let mut wrong = (0..found.len()).step_by(UNIT).filter(|at| {
            let unit = *at..(*at + UNIT).min(found.len());
            !self
                .versions
                .iter()
                .any(|version| version[unit.clone()] == found[unit.clone()])
        });
        let first = wrong.next()?;
        let units = 1 + wrong.count() as u64;
        let bytes = units * UNIT as u64;
        Some(Loss {
            offset: offset + first as u64,
            bytes,
            committed: !self.is_dirty(),
        })
    }
}

/// All streams of a trace, by its numbers; a number is used again after a delete.
#[derive(Default)]
pub struct Model {
    files: HashMap<u32, File>,
}

impl Model {
    /// An open stream, made empty if the number is new.
    pub fn file(&mut self, number: u32) -> &mut File {
        self.files.entry(number).or_default()
    }

    /// Forgets a deleted stream.
    pub fn delete(&mut self, number: u32) {
        self.files.remove(&number);
    }

    /// All streams and their numbers.
    pub fn files(&self) -> impl Iterator<Item = (u32, &File)> {
        self.files.iter().map(|(number, file)| (*number, file))
    }
}

#[cfg(test)]
mod tests;
