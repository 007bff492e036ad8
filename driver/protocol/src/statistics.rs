//! Counters and latency histograms.

use crate::wire::wire;

/// Buckets of a [`Histogram`].
pub const HISTOGRAM_BUCKETS: usize = 32;

/// What [`StatisticsRequest::scope`] says.
pub mod scope {
    /// Everything since the driver was loaded.
    pub const ALL: u32 = 0;
    /// A volume: `id` is [`VolumeRecord::id`](crate::VolumeRecord::id).
    pub const VOLUME: u32 = 1;
    /// A stream: `id` is the caller's handle to the file, opened with FILE_WRITE_DATA.
    pub const FILE: u32 = 2;
}

wire! {
    /// Whose statistics.
    pub struct StatisticsRequest {
        /// One of [`scope`].
        pub scope: u32,
        /// Must be 0.
        pub reserved: u32,
        /// 0, a volume, or a handle, by scope.
        pub id: u64,
    }

    /// Values by powers of two: bucket 0 counts zeros, bucket `n` values from 2^(n-1) up to and
    /// without 2^n, the last one all that is larger.
    pub struct Histogram {
        /// How many values fell into each.
        pub buckets: [u64; HISTOGRAM_BUCKETS],
        /// All values added up.
        pub sum: u64,
    }

    /// Answer to [`Ioctl::Statistics`](crate::Ioctl::Statistics).
    pub struct StatisticsReply {
        /// Counters. Of a volume or stream, those that no volume or stream has are 0.
        pub counters: Statistics,
        /// How long each successful commit took, in units of 100 ns.
        pub commit_time: Histogram,
        /// Lines that each successful commit flushed.
        pub commit_lines: Histogram,
    }

    /// Counters since the driver was loaded, the volume attached to, or the stream first seen.
    pub struct Statistics {
        /// Write requests recorded.
        pub writes: u64,
        /// Ranges reported through [`MarkDirty`](crate::MarkDirty).
        pub reports: u64,
        /// Commits that succeeded, those that found nothing dirty included.
        pub commits: u64,
        /// Commits that failed; their lines stayed dirty.
        pub failed_commits: u64,
        /// Maximal runs of dirty lines that commits flushed.
        pub ranges: u64,
        /// Batches of ranges that commits flushed.
        pub batches: u64,
        /// Lines that commits flushed.
        pub lines: u64,
        /// Of [`lines`](Self::lines), those flushed because tracking had become coarse.
        pub coarse_lines: u64,
        /// Drains that commits executed.
        pub drains: u64,
        /// Lines that are dirty now, over all streams.
        pub dirty_lines: u64,
        /// Streams being tracked now.
        pub streams: u64,
        /// Views of streams mapped now.
        pub views: u64,
        /// Commits that another caller's commit had done already.
        pub joined_commits: u64,
        /// Entries taken from dirty logs.
        pub log_entries: u64,
        /// Dirty logs that overflowed or held what is no range, so that all of their file became
        /// dirty.
        pub log_overflows: u64,
        /// Marks that covered more than was stored, for want of tracking memory.
        pub coarse_marks: u64,
        /// Requests refused because they could not be tracked.
        pub refused: u64,
        /// Views closed to make room for others.
        pub evicted_views: u64,
        /// Sections closed because the file system asked for it.
        pub section_conflicts: u64,
        /// Sections or views that could not be made when a commit needed them.
        pub view_failures: u64,
        /// Bytes of files that views map now.
        pub view_bytes: u64,
        /// Bytes of tracking memory in use now, over all volumes.
        pub tracking_bytes: u64,
        /// Bytes of tracking memory, over all volumes.
        pub tracking_limit: u64,
    }
}

impl Histogram {
    /// The bucket of a value.
    pub const fn bucket(value: u64) -> usize {
        let bucket = (u64::BITS - value.leading_zeros()) as usize;
        if bucket < HISTOGRAM_BUCKETS {
            bucket
        } else {
            HISTOGRAM_BUCKETS - 1
        }
    }

    /// The smallest value of a bucket.
    pub const fn least(bucket: usize) -> u64 {
        match bucket {
            0 => 0,
            1..HISTOGRAM_BUCKETS => 1 << (bucket - 1),
            _ => u64::MAX,
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .fold(0, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// Counts since an earlier snapshot of the same histogram.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = *self;
        for (now, before) in difference.buckets.iter_mut().zip(earlier.buckets) {
            *now = now.saturating_sub(before);
        }
        difference.sum = self.sum.saturating_sub(earlier.sum);
        difference
    }
}
