//! Units, and runs of dirty lines.

/// Bytes of a cache line, and of file for each bit of the dirty map.
pub const LINE_SIZE: u64 = 64;
/// Bytes of file that one leaf covers.
pub const LEAF_SPAN: u64 = 2 << 20;
/// Bytes of file that a dirty map can tell apart: 256 TiB.
pub const MAX_OFFSET: u64 = 1 << 48;

/// Runs in a batch.
pub const BATCH: usize = 64;

/// Adjacent dirty lines of a stream.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// First byte, a multiple of the line size.
    pub offset: u64,
    /// Bytes, a multiple of the line size.
    pub length: u64,
}

impl Run {
    /// The first byte after the run.
    #[inline]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// The bytes of runs that do not overlap.
    pub fn bytes_of(runs: &[Self]) -> u64 {
        let add = |sum: u64, run: &Self| sum.saturating_add(run.length);
        runs.iter().fold(0, add)
    }
}

/// The bytes of some runs in pieces of limited size, so that whoever flushes them can let others in
/// between.
pub struct Slices<'a> {
    runs: &'a [Run],
    /// Bytes of the first run that were passed on.
    done: u64,
    limit: u64,
}

/// At most [`BATCH`] runs.
pub struct Slice {
    runs: [Run; BATCH],
    count: usize,
}

impl<'a> Slices<'a> {
    /// Pieces of at most `limit` bytes, a multiple of the line size.
    pub const fn new(runs: &'a [Run], limit: u64) -> Self {
        Self {
            runs,
            done: 0,
            limit,
        }
    }
}

impl Slice {
    /// The runs of this piece.
    pub fn runs(&self) -> &[Run] {
        self.runs.get(..self.count).unwrap_or_default()
    }
}

impl Iterator for Slices<'_> {
    type Item = Slice;

    fn next(&mut self) -> Option<Slice> {
        let mut slice = Slice {
            runs: [Run::default(); BATCH],
            count: 0,
        };
        let mut room = self.limit;
        for place in &mut slice.runs {
            let Some((first, rest)) = self.runs.split_first().filter(|_| room != 0) else {
                break;
            };
            let left = first.length.saturating_sub(self.done);
            *place = Run {
                offset: first.offset.saturating_add(self.done),
                length: left.min(room),
            };
            slice.count = slice.count.saturating_add(1);
            room = room.saturating_sub(place.length);
            if place.length < left {
                self.done = self.done.saturating_add(place.length);
            } else {
                self.runs = rest;
                self.done = 0;
            }
        }
        (slice.count != 0).then_some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, Slices};
    use std::vec::Vec;

    fn run(offset: u64, length: u64) -> Run {
        Run { offset, length }
    }

    #[test]
    fn slices_have_every_byte_once_in_order_and_keep_the_limit() {
        let runs = [run(0, 64), run(128, 640), run(4096, 64), run(8192, 256)];
        let slices: Vec<Vec<Run>> = Slices::new(&runs, 256)
            .map(|slice| slice.runs().to_vec())
            .collect();
        let bytes = |runs: &[Run]| -> Vec<u64> {
            let each = runs.iter().map(|run| (run.offset..run.end()).step_by(64));
            each.flatten().collect()
        };
        assert_eq!(bytes(&slices.concat()), bytes(&runs));
        for slice in &slices {
            assert!(slice.iter().map(|run| run.length).sum::<u64>() <= 256);
        }
        assert_eq!(slices.len(), 4);
    }

    #[test]
    fn no_run_is_no_slice() {
        assert!(Slices::new(&[], 64).next().is_none());
    }
}
