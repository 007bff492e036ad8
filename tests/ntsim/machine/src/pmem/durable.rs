//! The durable image and the flushes in flight.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::{LINE, PAGE};

const ALL_BYTES: u64 = u64::MAX;

/// The contents of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineBytes(pub [u8; LINE as usize]);

impl Default for LineBytes {
    fn default() -> Self {
        LineBytes([0; LINE as usize])
    }
}

impl LineBytes {
    /// These bytes with those of `over` that `mask` selects (bit 0 is byte 0).
    fn overlaid(mut self, over: &LineBytes, mask: u64) -> LineBytes {
        for (i, (to, from)) in self.0.iter_mut().zip(&over.0).enumerate() {
            if mask >> i & 1 == 1 {
                *to = *from;
            }
        }
        self
    }
}

/// What one flush or non-temporal store would write back.
#[derive(Debug)]
struct Snapshot {
    sequence: u64,
    thread: u32,
    mask: u64,
    bytes: LineBytes,
}

/// Contents that survive for certain, and snapshots that may.
///
/// Write-backs of one line never go back in time: when a snapshot becomes durable, older ones of
/// that line, of whichever thread, are gone.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Missing pages are zero.
    pages: BTreeMap<u64, Box<[u8; PAGE as usize]>>,
    /// By line offset, oldest first.
    in_flight: BTreeMap<u64, Vec<Snapshot>>,
    /// What each thread's next fence drains: line offset and sequence.
    pending: HashMap<u32, Vec<(u64, u64)>>,
    sequence: u64,
}

impl Durable {
    pub fn flush(&mut self, thread: u32, line: u64, bytes: LineBytes) {
        self.take_off(thread, line, ALL_BYTES, bytes);
    }

    pub fn flush_now(&mut self, line: u64, bytes: LineBytes) {
        self.in_flight.remove(&line);
        self.write(line, &bytes.0);
    }

    pub fn nt_store(&mut self, thread: u32, offset: u64, stored: &[u8]) {
        let start = (offset % LINE) as usize;
        let mut bytes = LineBytes::default();
        bytes.0[start..start + stored.len()].copy_from_slice(stored);
        let mask = (ALL_BYTES >> (LINE as usize - stored.len())) << start;
        self.take_off(thread, offset - offset % LINE, mask, bytes);
    }

    fn take_off(&mut self, thread: u32, line: u64, mask: u64, bytes: LineBytes) {
        let snapshots = self.in_flight.entry(line).or_default();
        if snapshots
            .last()
            .is_some_and(|s| (s.thread, s.mask, s.bytes) == (thread, mask, bytes))
        {
            return;
        }
        self.sequence += 1;
        let sequence = self.sequence;
        snapshots.push(Snapshot {
            sequence,
            thread,
            mask,
            bytes,
        });
        self.pending
            .entry(thread)
            .or_default()
            .push((line, sequence));
    }

    /// Whether the thread had anything in flight here.
    pub fn fence(&mut self, thread: u32) -> bool {
        let Some(pending) = self.pending.get_mut(&thread) else {
            return false;
        };
        let mut drained = std::mem::take(pending);
        let any = !drained.is_empty();
        for (line, sequence) in drained.drain(..) {
            self.land(line, sequence);
        }
        self.pending.insert(thread, drained);
        any
    }

    /// Makes one snapshot durable, unless a newer one of the line already was.
    fn land(&mut self, line: u64, sequence: u64) {
        let Some(snapshots) = self.in_flight.get_mut(&line) else {
            return;
        };
        let Ok(at) = snapshots.binary_search_by_key(&sequence, |s| s.sequence) else {
            return;
        };
        let landed = snapshots.remove(at);
        for older in &mut snapshots[..at] {
            older.mask &= !landed.mask;
        }
        snapshots.retain(|s| s.mask != 0);
        if snapshots.is_empty() {
            self.in_flight.remove(&line);
        }
        let bytes = if landed.mask == ALL_BYTES {
            landed.bytes
        } else {
            self.line(line).overlaid(&landed.bytes, landed.mask)
        };
        self.write(line, &bytes.0);
    }

    /// Sets contents for certain. In-flight snapshots stay.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (page, within, part) in pieces(offset, data.len()) {
            let to = self
                .pages
                .entry(page)
                .or_insert_with(|| Box::new([0; PAGE as usize]));
            to[within].copy_from_slice(&data[part]);
        }
    }

    pub fn read(&self, offset: u64, buf: &mut [u8]) {
        for (page, within, part) in pieces(offset, buf.len()) {
            match self.pages.get(&page) {
                Some(bytes) => buf[part].copy_from_slice(&bytes[within]),
                None => buf[part].fill(0),
            }
        }
    }

    /// One line, by its offset.
    pub fn line(&self, line: u64) -> LineBytes {
        let mut bytes = LineBytes::default();
        self.read(line, &mut bytes.0);
        bytes
    }

    /// The contents that a line has if its write-backs up to one in flight arrive: one for each,
    /// oldest first.
    pub fn in_flight(&self, line: u64) -> impl Iterator<Item = LineBytes> {
        let snapshots = self
            .in_flight
            .get(&line)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let start = if snapshots.is_empty() {
            LineBytes::default()
        } else {
            self.line(line)
        };
        snapshots.iter().scan(start, |bytes, snapshot| {
            *bytes = bytes.overlaid(&snapshot.bytes, snapshot.mask);
            Some(*bytes)
        })
    }

    /// Whether anything in `start..end` is in flight.
    pub fn any_in_flight(&self, start: u64, end: u64) -> bool {
        self.in_flight.range(start..end).next().is_some()
    }

    /// Makes a range of whole lines zero, with nothing in flight.
    pub fn forget(&mut self, start: u64, end: u64) {
        while let Some((&line, _)) = self.in_flight.range(start..end).next() {
            self.in_flight.remove(&line);
        }
        let pages: Vec<u64> = self
            .pages
            .range(start / PAGE..end.div_ceil(PAGE))
            .map(|p| *p.0)
            .collect();
        for page in pages {
            let from = start.max(page * PAGE) - page * PAGE;
            let to = end.min((page + 1) * PAGE) - page * PAGE;
            if to - from == PAGE {
                self.pages.remove(&page);
            } else if let Some(bytes) = self.pages.get_mut(&page) {
                bytes[from as usize..to as usize].fill(0);
            }
        }
    }

    /// The pages of a range that hold something or have something in flight, by page number.
    pub fn pages(&self, start: u64, end: u64) -> BTreeSet<u64> {
        let held = self
            .pages
            .range(start / PAGE..end.div_ceil(PAGE))
            .map(|p| *p.0);
        held.chain(self.in_flight.range(start..end).map(|l| l.0 / PAGE))
            .collect()
    }

    /// Lines of a range whose durable contents are not zero or that are in flight: where the
    /// volatile contents may have become a hole.
    pub fn lines_to_check(&self, start: u64, end: u64) -> BTreeSet<u64> {
        let of_page = |page: u64| (page * PAGE..(page + 1) * PAGE).step_by(LINE as usize);
        let lines = self.pages(start, end).into_iter().flat_map(of_page);
        lines.filter(|line| (start..end).contains(line)).collect()
    }
}

/// Splits a range at page boundaries: page number, range within the page, range within the whole.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % PAGE) as usize;
        let count = (PAGE as usize - within).min(len - done);
        let piece = (at / PAGE, within..within + count, done..done + count);
        done += count;
        (count > 0).then_some(piece)
    })
}
