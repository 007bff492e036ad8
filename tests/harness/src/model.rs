//! What must be durable, worked out from the trace alone: no driver, no simulator.

use crate::random::mix;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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

    /// Lines that a commit has to flush.
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
mod tests {
    use super::*;

    fn survivors(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) + '_ {
        |offset, target| {
            let from = &bytes[offset as usize..];
            target.copy_from_slice(&from[..target.len()]);
        }
    }

    #[test]
    fn fresh_data_differs_everywhere() {
        let mut file = File::default();
        for sequence in 0..200 {
            let before: Vec<u8> = file.lines.values().flat_map(|line| *line.now()).collect();
            let data = file.fresh_data(0, 128, sequence);
            assert!(before.iter().zip(&data).all(|(old, new)| old != new));
            file.store(0, &data);
        }
    }

    #[test]
    fn a_committed_line_must_survive() {
        let mut file = File::default();
        file.store(0, &[1; 128]);
        assert_eq!((file.dirty_lines(), file.lines()), (2, 2));
        file.commit();
        assert_eq!(file.dirty_lines(), 0);
        assert_eq!(file.check(survivors(&[1; 128])), []);
        let mut lost = [1; 128];
        lost[64..].fill(0);
        let loss = Loss {
            offset: 64,
            bytes: 64,
            committed: true,
        };
        assert_eq!(file.check(survivors(&lost)), [loss]);
    }

    #[test]
    fn a_dirty_line_may_be_any_mixture_of_whole_units() {
        let mut file = File::default();
        file.store(0, &[1; 64]);
        file.commit();
        file.store(0, &[2; 64]);
        file.store(0, &[3; 64]);
        let mut mixed = [1; 64];
        mixed[8..16].fill(3);
        mixed[16..24].fill(2);
        assert_eq!(file.check(survivors(&mixed)), []);
        // A torn unit, and one that is older than the commit.
        mixed[24] = 2;
        mixed[32..40].fill(0);
        let loss = Loss {
            offset: 24,
            bytes: 16,
            committed: false,
        };
        assert_eq!(file.check(survivors(&mixed)), [loss]);
    }

    #[test]
    fn what_is_cut_off_is_gone() {
        let mut file = File::default();
        file.store(0, &[1; 256]);
        file.truncate(100);
        assert_eq!(file.dirty_lines(), 2);
        file.commit();
        let mut rest = [0; 256];
        rest[..100].fill(1);
        assert_eq!(file.check(survivors(&rest)), []);
    }
}
