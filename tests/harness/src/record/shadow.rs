//! What a file held when it was last looked at, and where it differs now.

use std::{collections::HashMap, ops::Range};

/// Bytes of a cache line, within which changes become one store.
pub const LINE: usize = 64;
const PAGE: usize = 4096;
/// Bytes that are kept, and read, at once.
pub const CHUNK: u64 = 256 << 10;

/// A copy of the parts of a file that were mapped; bytes never given are 0.
#[derive(Default)]
pub struct Shadow(HashMap<u64, Vec<u8>>);

impl Shadow {
    /// Splits a range of the file at the chunks' borders.
    pub fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let start = at;
            at = ((start / CHUNK + 1) * CHUNK).min(range.end);
            (start < range.end).then_some(start..at)
        })
    }

    fn part(&mut self, offset: u64, length: usize) -> &mut [u8] {
        let chunk = self.0.entry(offset / CHUNK);
        let chunk = chunk.or_insert_with(|| vec![0; CHUNK as usize]);
        let start = (offset % CHUNK) as usize;
        &mut chunk[start..start + length]
    }

    /// Takes what a piece of the file holds now.
    pub fn set(&mut self, offset: u64, now: &[u8]) {
        self.part(offset, now.len()).copy_from_slice(now);
    }

    /// Takes what a piece of the file holds now, and calls `changed` with the offset and the length
    /// of every run of bytes that differed. Within a line a run goes from the first such byte to
    /// the last; runs of neighbouring lines that touch are one.
    pub fn update(&mut self, offset: u64, now: &[u8], mut changed: impl FnMut(u64, u64)) {
        let before = self.part(offset, now.len());
        let mut run: Option<Range<usize>> = None;
        for page in spans(offset, 0..now.len(), PAGE) {
            // Whole pages compare much faster than their lines, and most are as they were.
            if before[page.clone()] == now[page.clone()] {
                continue;
            }
            for line in spans(offset, page, LINE) {
                let Some(found) = difference(&before[line.clone()], &now[line.clone()]) else {
                    continue;
                };
                let found = line.start + found.start..line.start + found.end;
                run = Some(match run {
                    Some(run) if run.end == found.start => run.start..found.end,
                    Some(run) => {
                        changed(offset + run.start as u64, run.len() as u64);
                        found
                    }
                    None => found,
                });
            }
        }
        if let Some(run) = run {
            changed(offset + run.start as u64, run.len() as u64);
        }
        before.copy_from_slice(now);
    }

    /// The file was cut, or its bytes from `size` on became 0.
    pub fn cut(&mut self, size: u64) {
        self.0.retain(|chunk, _| chunk * CHUNK < size);
        if let Some(chunk) = self.0.get_mut(&(size / CHUNK)) {
            chunk[(size % CHUNK) as usize..].fill(0);
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Splits a range of a buffer that stands at `offset` of the file at multiples of `size`.
fn spans(offset: u64, range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let misaligned = (offset % size as u64) as usize;
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = range.end.min(start + size - (start + misaligned) % size);
        (start < range.end).then_some(start..at)
    })
}

/// From the first byte that differs to the last.
fn difference(before: &[u8], now: &[u8]) -> Option<Range<usize>> {
    let differs = |(before, now): (&u8, &u8)| before != now;
    let first = before.iter().zip(now).position(differs)?;
    let last = before.iter().zip(now).rposition(differs)?;
    Some(first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(offset: u64, before: &[u8], now: &[u8]) -> Vec<(u64, u64)> {
        let mut shadow = Shadow::default();
        shadow.set(offset, before);
        let mut found = Vec::new();
        shadow.update(offset, now, |offset, length| found.push((offset, length)));
        shadow.update(offset, now, |_, _| panic!("taken"));
        found
    }

    #[test]
    fn runs_are_merged_within_lines_only() {
        let before = vec![0; 8192];
        let mut now = before.clone();
        assert_eq!(changes(4096, &before, &now), []);
        now[3] = 1;
        now[20] = 1;
        now[64] = 1;
        now[128 + 60..256 + 7].fill(1);
        now[4095..4097].fill(1);
        now[8191] = 1;
        let expected = [
            (4096 + 3, 18),
            (4096 + 64, 1),
            (4096 + 188, 75),
            (4096 + 4095, 2),
            (4096 + 8191, 1),
        ];
        assert_eq!(changes(4096, &before, &now), expected);
        assert_eq!(changes(100, &[1; 70], &[2; 70]), [(100, 70)]);
        // 127 and 128 are different lines of the file.
        let mut now = [1; 70];
        now[0] = 2;
        now[27] = 2;
        now[29] = 2;
        assert_eq!(changes(100, &[1; 70], &now), [(100, 28), (129, 1)]);
    }

    #[test]
    fn pieces_end_at_chunks_and_cuts_are_zero() {
        let pieces: Vec<_> = Shadow::pieces(CHUNK - 1..2 * CHUNK + 1).collect();
        let expected = [CHUNK - 1..CHUNK, CHUNK..2 * CHUNK, 2 * CHUNK..2 * CHUNK + 1];
        assert_eq!(pieces, expected);
        assert_eq!(Shadow::pieces(5..5).count(), 0);
        let mut shadow = Shadow::default();
        shadow.set(CHUNK, &[1, 1, 1]);
        shadow.cut(CHUNK + 1);
        let mut found = Vec::new();
        shadow.update(CHUNK, &[1, 1, 1], |offset, length| {
            found.push((offset, length));
        });
        assert_eq!(found, [(CHUNK + 1, 2)]);
    }
}
