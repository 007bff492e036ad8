//! What has happened between two samples.

use super::Sample;
use daxflush_protocol::{Histogram, Statistics};
use std::collections::HashMap;

/// Rates of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamRates {
    /// Lines flushed in a second.
    pub lines: f64,
    /// Commits in a second.
    pub commits: f64,
}

/// The changes from one sample to the next.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// Its length.
    pub seconds: f64,
    /// By how much each counter rose; the numbers of what is there now are as they are now.
    pub counters: Statistics,
    /// Times of the commits.
    pub commit_time: Histogram,
    streams: HashMap<(u64, u64), StreamRates>,
}

impl Interval {
    /// The changes between two samples of the same driver.
    pub fn between(before: &Sample, now: &Sample) -> Self {
        let seconds = now.time.saturating_sub(before.time).as_secs_f64();
        let earlier: HashMap<_, _> = before.streams.known().iter().map(key).collect();
        let streams = now.streams.known().iter().map(key).map(|(key, now)| {
            // What was not there in the sample before has done everything since.
            let zero = (0, 0);
            let before = earlier.get(&key).unwrap_or(&zero);
            let rates = StreamRates {
                lines: rate(now.0.saturating_sub(before.0), seconds),
                commits: rate(now.1.saturating_sub(before.1), seconds),
            };
            (key, rates)
        });
        let (new, old) = (&now.statistics, &before.statistics);
        Self {
            seconds,
            counters: rises(&old.counters, &new.counters),
            commit_time: new.commit_time.since(&old.commit_time),
            streams: streams.collect(),
        }
    }

    /// So much in a second.
    pub fn rate(&self, count: u64) -> f64 {
        rate(count, self.seconds)
    }

    /// The rates of a stream of a volume.
    pub fn stream(&self, volume: u64, stream: u64) -> StreamRates {
        self.streams
            .get(&(volume, stream))
            .copied()
            .unwrap_or_default()
    }
}

type Key = (u64, u64);

fn key(stream: &super::Stream) -> (Key, (u64, u64)) {
    let record = &stream.record;
    ((stream.volume, record.id), (record.lines, record.commits))
}

fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

fn rises(before: &Statistics, now: &Statistics) -> Statistics {
    let mut rises = *now;
    macro_rules! subtract {
        ($($field:ident),*) => {
            $(rises.$field = now.$field.saturating_sub(before.$field);)*
        };
    }
    subtract!(
        writes,
        reports,
        commits,
        failed_commits,
        ranges,
        batches,
        lines,
        coarse_lines,
        drains,
        joined_commits,
        log_entries,
        log_overflows,
        coarse_marks,
        refused,
        evicted_views,
        section_conflicts,
        view_failures
    );
    rises
}
