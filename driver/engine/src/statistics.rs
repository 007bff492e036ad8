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
            /// How long successful commits took, in units of 100 ns.
            pub commit_time: Histogram,
            /// Lines that successful commits flushed.
            pub commit_lines: Histogram,
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
                    commit_time: Histogram::new(),
                    commit_lines: Histogram::new(),
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

    /// How much was counted.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }
}

/// Buckets of a histogram.
pub const BUCKETS: usize = 32;

/// How many values there were by powers of two: bucket 0 counts zeros, bucket `n` values from
/// 2^(n-1) up to and without 2^n, the last one all that is larger.
#[derive(Default)]
pub struct Histogram {
    buckets: [Counter; BUCKETS],
    sum: Counter,
}

impl Histogram {
    /// No value.
    pub const fn new() -> Self {
        Self {
            buckets: [const { Counter::new() }; BUCKETS],
            sum: Counter::new(),
        }
    }

    /// Counts a value.
    pub fn add(&self, value: u64) {
        let bucket = (u64::BITS - value.leading_zeros()) as usize;
        if let Some(bucket) = self.buckets.get(bucket.min(BUCKETS - 1)) {
            bucket.one();
        }
        self.sum.add(value);
    }

    /// The buckets, and all values added up.
    pub fn snapshot(&self) -> ([u64; BUCKETS], u64) {
        let buckets = self.buckets.each_ref().map(Counter::get);
        (buckets, self.sum.get())
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
    /// Counts a commit that took `time` units of 100 ns, and failed if there is nothing to tell of it.
    pub fn record_commit(&self, committed: Option<&Committed>, time: u64) {
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
        self.commit_time.add(time);
        self.commit_lines.add(committed.lines);
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram};

    #[test]
    fn a_value_falls_between_the_powers_of_two_around_it() {
        for (value, bucket) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 2),
            (4, 3),
            (u64::from(u32::MAX) / 4, 30),
            (u64::MAX, BUCKETS - 1),
        ] {
            let histogram = Histogram::new();
            histogram.add(value);
            let (buckets, sum) = histogram.snapshot();
            assert_eq!((buckets[bucket], sum), (1, value));
            assert_eq!(buckets.iter().sum::<u64>(), 1);
        }
    }
}
