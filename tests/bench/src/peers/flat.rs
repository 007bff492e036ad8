//! One bit for each line in one piece: what marking and collecting can cost at least.

use super::{Recorder, Store};
use daxflush_engine::{BATCH, Backing, LINE_SIZE, Run};
use std::{
    ops::Range,
    sync::atomic::{
        AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};

pub struct Flat {
    words: Vec<AtomicU64>,
}

impl Flat {
    /// For so many bytes of file.
    pub fn new(span: u64) -> Self {
        let words = span.div_ceil(64 * LINE_SIZE);
        Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    #[inline]
    pub fn mark(&self, store: &Store) {
        let lines = store.lines();
        let (first, last) = (lines.start / 64, (lines.end - 1) / 64);
        let head = u64::MAX << (lines.start % 64);
        let tail = u64::MAX >> (63 - (lines.end - 1) % 64);
        if first == last {
            self.set(first, head & tail);
            return;
        }
        self.set(first, head);
        for word in first + 1..last {
            self.set(word, u64::MAX);
        }
        self.set(last, tail);
    }

    #[inline]
    fn set(&self, word: u64, mask: u64) {
        if let Some(word) = self.words.get(word as usize) {
            word.fetch_or(mask, SeqCst);
        }
    }

    /// Takes the dirty lines of a scope of whole words out, as an engine's commit does: maximal runs
    /// in batches, then one drain.
    pub fn commit<B: Backing>(&self, scope: Range<u64>, backing: &mut B) -> Result<(), B::Error> {
        let span = 64 * LINE_SIZE;
        let words = (scope.start / span) as usize..scope.end.div_ceil(span) as usize;
        let words = words.start..words.end.min(self.words.len());
        let mut batch = Batch::default();
        for (index, word) in (words.start as u64..).zip(&self.words[words]) {
            if word.load(Relaxed) == 0 {
                continue;
            }
            let mut dirty = word.swap(0, SeqCst);
            while dirty != 0 {
                let low = dirty.trailing_zeros();
                let length = (dirty >> low).trailing_ones();
                let offset = index * span + u64::from(low) * LINE_SIZE;
                batch.add(offset, u64::from(length) * LINE_SIZE, backing)?;
                dirty &= (u64::MAX << low).checked_shl(length).unwrap_or(0);
            }
        }
        if batch.flush(backing)? {
            backing.drain()?;
        }
        Ok(())
    }
}

struct Batch {
    runs: [Run; BATCH],
    count: usize,
    flushed: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            runs: [Run::default(); BATCH],
            count: 0,
            flushed: false,
        }
    }
}

impl Batch {
    #[inline]
    fn add<B: Backing>(&mut self, offset: u64, length: u64, to: &mut B) -> Result<(), B::Error> {
        if self.count != 0 {
            let last = &mut self.runs[self.count - 1];
            if last.offset + last.length == offset {
                last.length += length;
                return Ok(());
            }
            if self.count == BATCH {
                self.flush(to)?;
            }
        }
        self.runs[self.count] = Run { offset, length };
        self.count += 1;
        Ok(())
    }

    /// Whether anything was flushed so far.
    fn flush<B: Backing>(&mut self, to: &mut B) -> Result<bool, B::Error> {
        if self.count != 0 {
            to.flush(&self.runs[..self.count])?;
            self.count = 0;
            self.flushed = true;
        }
        Ok(self.flushed)
    }
}

impl Recorder for Flat {
    #[inline]
    fn record(&mut self, store: &Store) {
        self.mark(store);
    }

    fn empty(&mut self) {
        for word in &self.words {
            word.store(0, Relaxed);
        }
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<Range<u64>> {
        let mut lines = super::tests::Lines::default();
        let Ok(()) = self.commit(0..u64::MAX, &mut lines);
        lines.ranges
    }
}
