//! What must be dirty, as a bitmap, and what a commit does.

use super::{LINES, SPACE, step::Failure};
use crate::bits::Bits;
use daxflush_engine::{Backing, LINE_SIZE, MAX_OFFSET, Run};
use std::ops::Range;

#[derive(Default)]
pub struct Recorder {
    pub runs: Vec<Run>,
    pub batches: u8,
    pub drains: usize,
    pub failure: Failure,
}

impl Backing for Recorder {
    type Error = ();

    fn flush(&mut self, runs: &[Run]) -> Result<(), ()> {
        assert_eq!(self.drains, 0, "a flush after the drain");
        assert!((1..=64).contains(&runs.len()), "a batch of {}", runs.len());
        if self.failure.flush == self.batches && !self.failure.none {
            return Err(());
        }
        self.batches += 1;
        self.runs.extend(runs);
        Ok(())
    }

    fn drain(&mut self) -> Result<(), ()> {
        self.drains += 1;
        let fails = self.failure.drain && !self.failure.none;
        if fails { Err(()) } else { Ok(()) }
    }
}

/// What must be dirty.
pub struct Model {
    pub dirty: Bits,
    /// Everything, wherever the file ends.
    pub everything: bool,
    /// The map has no other dirty line; not so after failures and shortages.
    pub exact: bool,
}

impl Model {
    pub fn set(&mut self, bytes: Range<u64>) {
        self.dirty.add(lines(&bytes));
    }

    pub fn commit(&mut self, scope: Range<u64>, recorder: &Recorder, failed: bool) {
        let mut flushed = Bits::none(LINES);
        for run in &recorder.runs {
            assert!(run.length != 0 && run.offset.is_multiple_of(LINE_SIZE));
            assert!(run.length.is_multiple_of(LINE_SIZE));
            flushed.add(lines(&(run.offset..run.end())));
        }
        for pair in recorder.runs.windows(2) {
            assert!(
                pair[0].end() <= pair[1].offset,
                "sorted and apart: {pair:?}"
            );
        }
        if failed {
            // What other batches flushed is durable if the drain succeeded.
            let fails = recorder.failure.drain && !recorder.failure.none;
            if recorder.drains == 1 && !fails {
                self.dirty = self.dirty.without(&flushed);
            }
            self.exact = false;
            return;
        }
        let mut due = Bits::none(LINES);
        due.add(lines(&scope));
        let forgotten = due.and(&self.dirty).without(&flushed);
        assert_eq!(forgotten.first(), None, "a line was forgotten");
        if self.everything {
            assert_eq!(due.without(&flushed).first(), None, "all were dirty");
        } else if self.exact {
            let clean = due.and(&flushed).without(&self.dirty);
            assert_eq!(clean.first(), None, "a clean line was flushed");
        }
        self.dirty.remove(lines(&scope));
        assert_eq!(recorder.drains, usize::from(!recorder.runs.is_empty()));
        if scope == (0..MAX_OFFSET) {
            (self.everything, self.exact) = (false, true);
        }
    }
}

pub fn lines(bytes: &Range<u64>) -> Range<usize> {
    let end = bytes.end.min(SPACE).div_ceil(LINE_SIZE) as usize;
    (bytes.start / LINE_SIZE).min(end as u64) as usize..end
}
