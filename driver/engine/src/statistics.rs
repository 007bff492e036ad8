//! Counters that any thread may advance, at any IRQL.

use crate::Committed;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the start. They are advanced one by one, so a snapshot is not of one
        /// moment.
        #[derive(Default)]
        pub struct Statistics {
            $($(#[$doc])* pub $name: Counter,)*
        }

        /// Values of [`Statistics`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Statistics {
            /// All zero.
            pub const fn new() -> Self {
                Self {
                    $($name: Counter::new(),)*
                }
            }

            /// The values now.
            pub fn snapshot(&self) -> Counts {
                Counts {
                    $($name: self.$name.0.load(Relaxed),)*
                }
            }
        }
    };
}

/// One counter.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }
}

counters! {
    /// Writes recorded.
    writes,
    /// Ranges reported.
    reports,
    /// Commits that succeeded.
    commits,
    /// Commits that failed.
    failed_commits,
    /// Of `commits`, those that another caller's commit had done.
    joined_commits,
    /// Runs flushed.
    ranges,
    /// Batches flushed.
    batches,
    /// Lines flushed.
    lines,
    /// Of `lines`, those flushed because tracking had become coarse.
    coarse_lines,
    /// Drains.
    drains,
    /// Entries taken from dirty logs.
    log_entries,
    /// Dirty logs found overflown or with what is no range.
    log_overflows,
    /// Marks that covered more than was stored, of volumes that are gone.
    coarse_marks,
    /// Requests refused because they could not be tracked.
    refused,
    /// Views closed to make room for others.
    evicted_views,
    /// Sections closed because the file system asked for it.
    section_conflicts,
    /// Sections or views that could not be made.
    view_failures,
}

impl Statistics {
    /// Counts a commit, which failed if there is nothing to tell of it.
    pub fn record_commit(&self, committed: Option<&Committed>) {
        let Some(committed) = committed else {
            self.failed_commits.one();
            return;
        };
        self.commits.one();
        self.joined_commits.add(u64::from(committed.joined));
        self.ranges.add(committed.ranges);
        self.batches.add(committed.batches);
        self.lines.add(committed.lines);
        self.coarse_lines.add(committed.coarse_lines);
        self.drains.add(committed.drains);
    }
}
