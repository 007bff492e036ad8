//! A page's data from a replay in the simulator.

use super::{
    Driver, FileTotals, HeatMap, Latency, Origin, Point, ReportData, Summary,
    collect::{MOST_ROWS, map},
};
use crate::{
    model::LINE,
    replay::{Commit, Observer, Options, ReplayError, replay_observed},
    report::Report,
    trace::{Op, Trace},
};
use daxflush_protocol::{Histogram, VersionReply, method_name};
use std::collections::HashMap;

/// How many files get a map.
const MAPS: usize = 3;

/// What a replay found, as [`replay`](crate::replay::replay) returns it, and what a page shows.
pub struct CollectedReplay {
    /// The result.
    pub report: Report,
    /// The page's data.
    pub data: ReportData,
}

/// Replays a trace and collects what a page shows; `progress` is called with the number of
/// operations done.
///
/// # Errors
/// As [`replay`](crate::replay::replay)'s.
pub fn collect_replay(
    trace: &Trace,
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<CollectedReplay, ReplayError> {
    let mut collector = Collector::new(trace);
    let report = replay_observed(trace, options, progress, &mut collector)?;
    let data = collector.finish(&report);
    Ok(CollectedReplay { report, data })
}

/// A file of the trace, by its name: journals come again and again.
struct File {
    totals: FileTotals,
    map: HeatMap,
}

/// Collects what a page shows while a trace is replayed.
pub struct Collector {
    driver: Driver,
    files: Vec<File>,
    /// The file that each line's commit is of.
    lines: HashMap<usize, usize>,
    /// Commits in a row of a map.
    commits_per_row: usize,
    latency: Histogram,
    points: Vec<Point>,
}

impl Collector {
    /// A collector for a trace, which tells beforehand how large its files become.
    pub fn new(trace: &Trace) -> Self {
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut numbers: HashMap<u32, (usize, u64)> = HashMap::new();
        let mut totals: Vec<FileTotals> = Vec::new();
        let mut lines = HashMap::new();
        // How far each file is ever stored to: what lies behind needs no place in its map.
        let mut reach: HashMap<usize, u64> = HashMap::new();
        for step in &trace.steps {
            match step.op {
                Op::Open { file, ref name } => {
                    let next = totals.len();
                    let index = *names.entry(name).or_insert(next);
                    if index == next {
                        totals.push(FileTotals {
                            name: name.clone(),
                            asked: Some(0),
                            ..FileTotals::default()
                        });
                    }
                    numbers.insert(file, (index, 0));
                }
                Op::Write {
                    file,
                    offset,
                    length,
                } => {
                    grow(&mut numbers, &mut totals, file, offset + length);
                    stored(&numbers, &mut reach, file, offset + length);
                }
                Op::Store {
                    file,
                    offset,
                    length,
                } => stored(&numbers, &mut reach, file, offset + length),
                Op::Truncate { file, size } => grow(&mut numbers, &mut totals, file, size),
                Op::Flush { file } | Op::FlushView { file, .. } => {
                    if let Some((index, _)) = numbers.get(&file) {
                        lines.insert(step.line, *index);
                    }
                }
                Op::Map { .. } | Op::Delete { .. } => {}
            }
        }
        let files = totals.into_iter().enumerate().map(|(index, totals)| File {
            map: map(&totals.name, reach.get(&index).copied().unwrap_or(0)),
            totals,
        });
        Self {
            driver: Driver::default(),
            files: files.collect(),
            commits_per_row: lines.len().div_ceil(MOST_ROWS).max(1),
            lines,
            latency: Histogram::default(),
            points: Vec::new(),
        }
    }

    /// The page's data, with the result of the replay.
    pub fn finish(self, report: &Report) -> ReportData {
        let commits = self.points.len();
        let per_row = self.commits_per_row;
        let rows = commits.div_ceil(per_row);
        let mut files = self.files;
        files.retain(|file| file.totals.commits != 0);
        files.sort_by_key(|file| std::cmp::Reverse(file.totals.flushed));
        let times: Vec<f64> = (0..=rows)
            .map(|row| (row * per_row).min(commits) as f64)
            .collect();
        let (mut maps, mut totals) = (Vec::new(), Vec::new());
        for (place, mut file) in files.into_iter().enumerate() {
            if place < MAPS && file.totals.flushed != 0 {
                let empty = vec![0; file.map.columns as usize];
                file.map.rows.resize(rows, empty);
                file.map.times.clone_from(&times);
                maps.push(file.map);
            }
            totals.push(file.totals);
        }
        ReportData {
            origin: Origin::Replay {
                report: Box::new(report.clone()),
            },
            driver: self.driver,
            summary: Summary {
                commits: report.commits,
                failed_commits: 0,
                writes: report.writes,
                asked_lines: Some(report.asked_lines),
                flushed_lines: report.lines_flushed_observed,
            },
            latency: Latency::from(&self.latency),
            points: self.points,
            maps,
            files: totals,
            faults: report.faults(),
        }
    }
}

fn stored(
    numbers: &HashMap<u32, (usize, u64)>,
    reach: &mut HashMap<usize, u64>,
    file: u32,
    end: u64,
) {
    if let Some((index, _)) = numbers.get(&file) {
        let reach = reach.entry(*index).or_default();
        *reach = end.max(*reach);
    }
}

fn grow(numbers: &mut HashMap<u32, (usize, u64)>, totals: &mut [FileTotals], file: u32, size: u64) {
    if let Some((index, _)) = numbers.get(&file) {
        let bytes = &mut totals[*index].bytes;
        *bytes = (*bytes).max(size);
    }
}

impl Observer for Collector {
    fn driver(&mut self, version: &VersionReply) {
        self.driver = Driver {
            version: version.driver,
            method: method_name(version.method).to_owned(),
        };
    }

    fn commit(&mut self, commit: &Commit<'_>) {
        let row = self.points.len() / self.commits_per_row;
        self.points.push(Point {
            at: self.points.len() as f64 + 1.0,
            asked: Some(commit.asked),
            flushed: commit.flushed,
            dirty: commit.found.dirty_lines(),
        });
        self.latency.buckets[Histogram::bucket(commit.time)] += 1;
        self.latency.sum += commit.time;
        let Some(file) = self.lines.get(&commit.line) else {
            return;
        };
        let File { totals, map } = &mut self.files[*file];
        totals.commits += 1;
        totals.asked = totals.asked.map(|asked| asked + commit.asked);
        totals.flushed += commit.flushed;
        if commit.found.dirty_lines() == 0 {
            return;
        }
        let columns = map.columns as usize;
        map.rows
            .resize((row + 1).max(map.rows.len()), vec![0; columns]);
        let cell = map.cell_bytes;
        debug_assert!(cell.is_multiple_of(LINE));
        for (place, count) in (0..).zip(&mut map.rows[row]) {
            *count += commit
                .found
                .dirty_lines_of(place * cell..(place + 1) * cell);
        }
    }
}
