//! A model of persistence, fast and of its own: it shares nothing with the simulator's.
//!
//! A line that is not known to be durable has *versions*: all contents that it had since the last
//! that is, in order. At a power cut any of them may be found, because a cache may write a line back
//! at any time; only 8 bytes are written at once, so that a line may also be found as a mixture.

use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Bytes of a cache line.
pub const LINE: usize = 64;
/// Bytes that a power cut never tears.
pub const UNIT: usize = 8;
/// Units of a line.
pub const UNITS: usize = LINE / UNIT;

/// The contents of a line.
pub type Bytes = [u8; LINE];

/// A line's part of the hash of an image, which is the exclusive or of all lines' parts.
pub fn part(line: u32, bytes: &Bytes) -> u128 {
    xxh3_128_with_seed(bytes, u64::from(line))
}

/// A part of the device that is looked at. Lines are numbered through all of them.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Bytes from the start of the device.
    pub start: u64,
    /// Its lines.
    pub lines: u32,
    /// The number of its first line.
    pub first: u32,
}

/// What a line held at some time.
#[derive(Clone, Debug)]
pub struct Version {
    /// The contents.
    pub bytes: Bytes,
    /// Its part of the image's hash.
    pub part: u128,
    /// Units that must not be found, and when that was worked out.
    pub wrong: Option<(u64, u8)>,
    serial: u64,
}

/// A write-back that the next fence of a processor ends.
struct Pending {
    line: u32,
    serial: u64,
    bytes: u64,
}

/// What the device may hold after a power cut.
#[derive(Default)]
pub struct Memory {
    areas: Vec<Area>,
    /// What is durable, of all lines.
    pub floor: Vec<u8>,
    /// Exclusive or of the parts of all lines of the floor.
    pub hash: u128,
    /// Lines that are not known to be durable; the first version is the floor.
    pub undrained: BTreeMap<u32, Vec<Version>>,
    pending: HashMap<u32, Vec<Pending>>,
    serial: u64,
    /// Changes of what may be found.
    pub changes: u64,
    /// Lines whose floor was changed since somebody looked.
    pub settled: Vec<u32>,
}

impl Memory {
    /// A device that holds zeros, of which these ranges are looked at: start and length in bytes,
    /// ascending.
    pub fn new(ranges: &[(u64, u64)]) -> Self {
        let mut memory = Self::default();
        let mut first = 0;
        for (start, length) in ranges {
            let lines = length.div_ceil(LINE as u64) as u32;
            memory.areas.push(Area {
                start: *start,
                lines,
                first,
            });
            first += lines;
        }
        memory.floor = vec![0; first as usize * LINE];
        memory.hash = (0..first).fold(0, |hash, line| hash ^ part(line, &[0; LINE]));
        memory
    }

    /// The number of the line at a place.
    ///
    /// # Panics
    /// Nobody said that it would be touched.
    pub fn line(&self, offset: u64) -> u32 {
        let line = self.find(offset);
        line.unwrap_or_else(|| panic!("{offset:#x} is in no area"))
    }

    /// The number of the line at a place, if it is looked at.
    pub fn find(&self, offset: u64) -> Option<u32> {
        let after = self.areas.partition_point(|area| area.start <= offset);
        let area = self.areas[after.checked_sub(1)?];
        let line = (offset - area.start) / LINE as u64;
        (line < u64::from(area.lines)).then(|| area.first + line as u32)
    }

    /// The lines of a range that are looked at; others hold zeros for ever.
    fn lines_within(&self, start: u64, end: u64) -> Vec<u32> {
        let of_area = |area: &Area| {
            let number = |at: u64| {
                let at = at.saturating_sub(area.start).div_ceil(LINE as u64);
                area.first + at.min(u64::from(area.lines)) as u32
            };
            number(start)..number(end)
        };
        self.areas.iter().flat_map(of_area).collect()
    }

    /// The bytes of an area's floor: where they begin and end in all of it.
    pub fn area_bytes(&self, start: u64) -> Option<std::ops::Range<usize>> {
        let area = self.areas.iter().find(|area| area.start == start)?;
        let first = area.first as usize * LINE;
        Some(first..first + area.lines as usize * LINE)
    }

    /// Where a line is on the device.
    pub fn offset(&self, line: u32) -> u64 {
        let after = self.areas.partition_point(|area| area.first <= line);
        let area = self.areas[after - 1];
        area.start + u64::from(line - area.first) * LINE as u64
    }

    /// What is durable of a line.
    pub fn durable(&self, line: u32) -> &Bytes {
        let at = line as usize * LINE;
        let bytes = self.floor[at..at + LINE].try_into();
        bytes.expect("a line")
    }

    fn now(&self, line: u32) -> Bytes {
        let versions = self.undrained.get(&line);
        versions
            .and_then(|versions| versions.last())
            .map_or_else(|| *self.durable(line), |version| version.bytes)
    }

    /// The line holds other bytes from now on.
    fn change(&mut self, line: u32, bytes: Bytes) {
        if self.now(line) == bytes {
            return;
        }
        let durable = *self.durable(line);
        let serials = self.serial..self.serial + 2;
        self.serial = serials.end;
        let version = |serial, bytes: Bytes| Version {
            part: part(line, &bytes),
            bytes,
            wrong: None,
            serial,
        };
        let versions = self
            .undrained
            .entry(line)
            .or_insert_with(|| vec![version(serials.start, durable)]);
        versions.push(version(serials.start + 1, bytes));
        self.changes += 1;
    }

    /// Splits a range at lines, or at other multiples of so many bytes.
    pub fn pieces(offset: u64, length: usize, grain: usize) -> impl Iterator<Item = (u64, usize)> {
        let mut at = offset;
        std::iter::from_fn(move || {
            let left = (offset + length as u64 - at) as usize;
            let count = (grain - at as usize % grain).min(left);
            let piece = (at, count);
            at += count as u64;
            (count != 0).then_some(piece)
        })
    }

    /// A store inside one line.
    pub fn store(&mut self, offset: u64, data: &[u8]) -> u32 {
        let line = self.line(offset);
        let mut bytes = self.now(line);
        let within = offset as usize % LINE;
        bytes[within..within + data.len()].copy_from_slice(data);
        self.change(line, bytes);
        line
    }

    /// A line holds these bytes, whoever stored them.
    pub fn see(&mut self, line: u32, bytes: &Bytes) {
        self.change(line, *bytes);
    }

    /// CLWB of a line that holds these bytes, by a processor.
    pub fn flush(&mut self, processor: u32, line: u32, bytes: &Bytes) {
        self.change(line, *bytes);
        self.take_off(processor, line, u64::MAX);
    }

    /// CLFLUSH.
    pub fn flush_in_order(&mut self, line: u32, bytes: &Bytes) {
        self.change(line, *bytes);
        if let Some(serial) = self.newest(line) {
            self.land(line, serial, u64::MAX);
        }
    }

    /// A store past the caches, inside one line.
    pub fn nt_store(&mut self, processor: u32, offset: u64, data: &[u8]) {
        let line = self.store(offset, data);
        let mask = (u64::MAX >> (LINE - data.len())) << (offset % LINE as u64);
        self.take_off(processor, line, mask);
    }

    /// The serial number of what the line holds now, unless that is durable.
    fn newest(&self, line: u32) -> Option<u64> {
        let versions = self.undrained.get(&line)?;
        versions.last().map(|version| version.serial)
    }

    fn take_off(&mut self, processor: u32, line: u32, bytes: u64) {
        if let Some(serial) = self.newest(line) {
            let pending = self.pending.entry(processor).or_default();
            pending.push(Pending {
                line,
                serial,
                bytes,
            });
        }
    }

    /// SFENCE of a processor.
    pub fn fence(&mut self, processor: u32) {
        for landed in self.pending.remove(&processor).unwrap_or_default() {
            self.land(landed.line, landed.serial, landed.bytes);
        }
    }

    /// Some bytes of a version have arrived: no older ones of them can be found any more.
    fn land(&mut self, line: u32, serial: u64, mask: u64) {
        let Some(versions) = self.undrained.get_mut(&line) else {
            return;
        };
        let after = versions.partition_point(|version| version.serial < serial);
        // Without older ones a newer write-back of the line has arrived already.
        let source = versions.get(after).map(|version| version.bytes);
        let Some(source) = source.filter(|_| after != 0) else {
            return;
        };
        for older in &mut versions[..after] {
            for (at, byte) in older.bytes.iter_mut().enumerate() {
                if mask >> at & 1 == 1 {
                    *byte = source[at];
                }
            }
            older.part = part(line, &older.bytes);
            older.wrong = None;
        }
        self.settle(line);
    }

    /// Drops versions that say nothing any more, and takes over the floor.
    fn settle(&mut self, line: u32) {
        let Some(versions) = self.undrained.get_mut(&line) else {
            return;
        };
        // The later serial stays, so that what is pending finds it.
        let mut kept: Vec<Version> = Vec::with_capacity(versions.len());
        for version in versions.drain(..) {
            match kept.last_mut() {
                Some(last) if last.bytes == version.bytes => *last = version,
                _ => kept.push(version),
            }
        }
        let floor = kept[0].bytes;
        if kept.len() == 1 {
            self.undrained.remove(&line);
        } else {
            *versions = kept;
        }
        self.set_floor(line, &floor);
    }

    fn set_floor(&mut self, line: u32, bytes: &Bytes) {
        self.hash ^= part(line, self.durable(line)) ^ part(line, bytes);
        self.floor[line as usize * LINE..][..LINE].copy_from_slice(bytes);
        self.settled.push(line);
        self.changes += 1;
    }

    /// A range of whole lines is durable as it is.
    pub fn declare(&mut self, start: u64, end: u64) {
        for line in self.lines_within(start, end) {
            if let Some(bytes) = self.undrained.remove(&line).and_then(|mut all| all.pop()) {
                self.set_floor(line, &bytes.bytes);
            }
        }
    }

    /// A range of whole lines is zero, durably.
    pub fn zero(&mut self, start: u64, end: u64) {
        for line in self.lines_within(start, end) {
            let was_undrained = self.undrained.remove(&line).is_some();
            if was_undrained || *self.durable(line) != [0; LINE] {
                self.set_floor(line, &[0; LINE]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
