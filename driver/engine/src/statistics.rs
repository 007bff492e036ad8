//! Counters that any thread may advance, at any IRQL.

use crate::Committed;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the start. They are advanced one by one, so a snapshot is not of one moment.
#[derive(Default)]
pub struct Statistics {
    writes: AtomicU64,
    reports: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    ranges: AtomicU64,
    batches: AtomicU64,
    lines: AtomicU64,
    coarse_lines: AtomicU64,
    drains: AtomicU64,
}

/// Values of [`Statistics`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes recorded.
    pub writes: u64,
    /// Ranges reported.
    pub reports: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Runs flushed.
    pub ranges: u64,
    /// Batches flushed.
    pub batches: u64,
    /// Lines flushed.
    pub lines: u64,
    /// Of `lines`, those flushed because tracking had become coarse.
    pub coarse_lines: u64,
    /// Drains.
    pub drains: u64,
}

impl Statistics {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            writes: AtomicU64::new(0),
            reports: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            failed_commits: AtomicU64::new(0),
            ranges: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            coarse_lines: AtomicU64::new(0),
            drains: AtomicU64::new(0),
        }
    }

    /// Counts a write.
    pub fn record_write(&self) {
        self.writes.fetch_add(1, Relaxed);
    }

    /// Counts a reported range.
    pub fn record_report(&self) {
        self.reports.fetch_add(1, Relaxed);
    }

    /// Counts a commit, which failed if there is nothing to tell of it.
    pub fn record_commit(&self, committed: Option<&Committed>) {
        let Some(committed) = committed else {
            self.failed_commits.fetch_add(1, Relaxed);
            return;
        };
        self.commits.fetch_add(1, Relaxed);
        self.ranges.fetch_add(committed.ranges, Relaxed);
        self.batches.fetch_add(committed.batches, Relaxed);
        self.lines.fetch_add(committed.lines, Relaxed);
        self.coarse_lines.fetch_add(committed.coarse_lines, Relaxed);
        self.drains.fetch_add(committed.drains, Relaxed);
    }

    /// The values now.
    pub fn snapshot(&self) -> Counts {
        Counts {
            writes: self.writes.load(Relaxed),
            reports: self.reports.load(Relaxed),
            commits: self.commits.load(Relaxed),
            failed_commits: self.failed_commits.load(Relaxed),
            ranges: self.ranges.load(Relaxed),
            batches: self.batches.load(Relaxed),
            lines: self.lines.load(Relaxed),
            coarse_lines: self.coarse_lines.load(Relaxed),
            drains: self.drains.load(Relaxed),
        }
    }
}
