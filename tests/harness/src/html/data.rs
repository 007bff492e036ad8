//! What a page shows.

use crate::report::Report;
use daxflush_protocol::{HISTOGRAM_BUCKETS, Histogram};
use serde::{Deserialize, Serialize};

/// All that a page shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportData {
    /// What was run.
    pub origin: Origin,
    /// The driver it was run on.
    pub driver: Driver,
    /// The numbers of the whole run.
    pub summary: Summary,
    /// Times of the commits.
    pub latency: Latency,
    /// The run in order.
    pub points: Vec<Point>,
    /// Where files were dirty.
    pub maps: Vec<HeatMap>,
    /// What was done to each file, the most flushed first.
    pub files: Vec<FileTotals>,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// A trace, in the simulator. Each [`Point`] is a commit.
    Replay {
        /// What the replay itself found.
        report: Box<Report>,
    },
    /// A driver at work. Each [`Point`] is an interval.
    Live {
        /// For how long it was looked at.
        seconds: f64,
    },
}

impl Default for Origin {
    fn default() -> Self {
        Self::Live { seconds: 0.0 }
    }
}

/// The driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// Its version.
    pub version: [u16; 3],
    /// Its flush instruction.
    pub method: String,
}

/// Numbers of the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Commits that succeeded.
    pub commits: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// Write requests.
    pub writes: u64,
    /// Lines in the ranges that programs asked to flush; nobody knows them of a driver at work.
    pub asked_lines: Option<u64>,
    /// Lines that were flushed.
    pub flushed_lines: u64,
}

/// A [`Histogram`] of times in units of 100 ns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many times are in each bucket, those after the last left out.
    pub buckets: Vec<u64>,
    /// All times added up.
    pub sum: u64,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Self {
        let used = histogram.buckets.iter().rposition(|count| *count != 0);
        Self {
            buckets: histogram.buckets[..used.map_or(0, |last| last + 1)].to_vec(),
            sum: histogram.sum,
        }
    }
}

impl From<&Latency> for Histogram {
    fn from(latency: &Latency) -> Self {
        let mut histogram = Self {
            buckets: [0; HISTOGRAM_BUCKETS],
            sum: latency.sum,
        };
        for (place, count) in latency.buckets.iter().enumerate() {
            // Of a longer one from elsewhere, the rest is what the last bucket is for.
            let bucket = &mut histogram.buckets[place.min(HISTOGRAM_BUCKETS - 1)];
            *bucket = bucket.saturating_add(*count);
        }
        histogram
    }
}

/// A commit of a replay, or an interval of a driver at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The commit's number from 1, or the seconds at the interval's end.
    pub at: f64,
    /// Lines in the range that the program asked to flush.
    pub asked: Option<u64>,
    /// Lines that were flushed.
    pub flushed: u64,
    /// Lines that were dirty: when the commit began, in its file, or at the interval's end.
    pub dirty: u64,
}

/// How dirty the parts of a file were, over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// The file.
    pub file: String,
    /// Bytes of the file that a column stands for.
    pub cell_bytes: u64,
    /// Columns, of which the last may reach past the file's end.
    pub columns: u64,
    /// What each row begins and the last ends with: as [`Point::at`], one more than rows.
    pub times: Vec<f64>,
    /// Dirty lines of each cell, row by row: of a replay those that the row's commits found, added
    /// up; of a driver at work those of the row's sample.
    pub rows: Vec<Vec<u64>>,
}

/// What was done to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTotals {
    /// Its name.
    pub name: String,
    /// Its size, or the largest that it had; 0 if nobody knows.
    pub bytes: u64,
    /// Commits of it.
    pub commits: u64,
    /// Lines in the ranges that were asked for.
    pub asked: Option<u64>,
    /// Lines flushed.
    pub flushed: u64,
}
