//! Which pages of a view were stored to, by the first store to each.
//!
//! Clean pages are read-only. The first store to one faults; the fault's handler calls
//! [`FirstWrites::note`], which makes the page writable and sets its bit. A commit calls
//! [`FirstWrites::take`] and covers the pages that it returns.
//!
//! # Why no store is missed
//!
//! A store that was done before `take` began went to a page that some `note` had made writable, after
//! the last `take` that took it had made it read-only. That `note` is either over, so that its bit is
//! set, or it is among those that `take` waits for before it looks at any bit. A bit that is set
//! before the page becomes writable would not do: a `take` in between would clear it and then see the
//! page become writable with no bit. And a bit that is set after it is no promise to other threads
//! that store to the page in between, unless their commits wait for it.
//!
//! A store that `take` overtakes is done before its page becomes read-only again, and then the commit
//! that follows covers it; or it faults. `note` itself waits for nothing.

use super::Word;
use std::{
    ops::Range,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
    },
};

const BITS: usize = u64::BITS as usize;

/// The pages of a view, by their number from 0.
pub trait Pages: Send + Sync {
    /// Why a page's protection cannot be changed.
    type Error;

    /// Makes pages read-only, for every thread before it returns.
    ///
    /// # Errors
    /// The system's; some of the pages may be read-only then.
    fn protect(&self, pages: Range<usize>) -> Result<(), Self::Error>;

    /// Makes pages writable. Called by the fault's handler.
    ///
    /// # Errors
    /// The system's.
    fn unprotect(&self, pages: Range<usize>) -> Result<(), Self::Error>;

    /// Lets other threads run.
    fn give_way(&self);
}

/// First-write tracking of some pages.
pub struct FirstWrites<P, W = AtomicU64> {
    pages: P,
    count: usize,
    dirty: Box<[W]>,
    /// Calls of `note` that have begun, and those that have ended.
    begun: W,
    ended: W,
    /// 1 while pages are being taken.
    taking: W,
}

impl<P: Pages, W: Word> FirstWrites<P, W> {
    /// Begins to track `count` pages, all of them clean.
    ///
    /// # Errors
    /// The pages cannot be protected.
    pub fn new(pages: P, count: usize) -> Result<Self, P::Error> {
        pages.protect(0..count)?;
        Ok(Self {
            pages,
            count,
            dirty: (0..count.div_ceil(BITS)).map(|_| W::new(0)).collect(),
            begun: W::new(0),
            ended: W::new(0),
            taking: W::new(0),
        })
    }

    /// The first store to a page is about to be done. Takes no lock and no memory.
    ///
    /// # Errors
    /// The page cannot be made writable, and all of them together cannot either.
    pub fn note(&self, page: usize) -> Result<(), P::Error> {
        self.begun.fetch_add(1, SeqCst);
        let noted = if self.pages.unprotect(page..page + 1).is_ok() {
            self.dirty[page / BITS].fetch_or(1 << (page % BITS), SeqCst);
            Ok(())
        } else {
            // A mapping can be in only so many pieces, and one piece more is what failed.
            let all = self.pages.unprotect(0..self.count);
            self.mark(0..self.count);
            all
        };
        self.ended.fetch_add(1, SeqCst);
        noted
    }

    /// Takes the pages that were stored to since they were last taken, as maximal runs in ascending
    /// order. They are read-only when this returns; on failure they stay dirty.
    ///
    /// A page is in one caller's answer only, so whoever promises that stores are covered must not
    /// take before the earlier caller has covered its own.
    ///
    /// # Errors
    /// The pages cannot be protected.
    pub fn take(&self) -> Result<Vec<Range<usize>>, P::Error> {
        while self.taking.swap(1, Acquire) != 0 {
            self.pages.give_way();
        }
        let taken = self.take_alone();
        self.taking.store(0, Release);
        taken
    }

    fn take_alone(&self) -> Result<Vec<Range<usize>>, P::Error> {
        // In this order, equal counts mean that none was under way at the first look. It comes to
        // that, as a page faults once until it is taken.
        while self.ended.load(SeqCst) != self.begun.load(SeqCst) {
            self.pages.give_way();
        }
        let runs = self.take_bits();
        if let Err(error) = self.protect(&runs) {
            runs.into_iter().for_each(|run| self.mark(run));
            return Err(error);
        }
        Ok(runs)
    }

    fn protect(&self, runs: &[Range<usize>]) -> Result<(), P::Error> {
        let each = runs
            .iter()
            .try_for_each(|run| self.pages.protect(run.clone()));
        each.or_else(|_| self.pages.protect(0..self.count))
    }

    fn take_bits(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (index, word) in self.dirty.iter().enumerate() {
            if word.load(Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, SeqCst);
            while bits != 0 {
                let page = index * BITS + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                match runs.last_mut() {
                    Some(run) if run.end == page => run.end += 1,
                    _ => runs.push(page..page + 1),
                }
            }
        }
        runs
    }

    fn mark(&self, pages: Range<usize>) {
        for page in pages {
            self.dirty[page / BITS].fetch_or(1 << (page % BITS), SeqCst);
        }
    }

    /// Ends the tracking: every page is writable from now on, and no store is noted.
    ///
    /// # Errors
    /// The pages cannot be made writable.
    pub fn end(&self) -> Result<(), P::Error> {
        self.pages.unprotect(0..self.count)
    }

    /// How many first stores there were: what the tracking cost.
    pub fn faults(&self) -> u64 {
        self.begun.load(Relaxed)
    }
}
