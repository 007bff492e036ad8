//! A page's data from a driver at work.

use super::{
    Driver, FileTotals, HeatMap, Latency, Origin, Point, ReportData, Summary,
    collect::{MOST_ROWS, map},
};
use crate::watch::{Sample, Source, SourceError};
use daxflush_protocol::method_name;
use std::{collections::HashMap, time::Duration};

/// How long to look, and how often.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// For how long.
    pub duration: Duration,
    /// From one sample to the next.
    pub interval: Duration,
}

impl Default for LiveOptions {
    /// A minute, each second.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(60),
            interval: Duration::from_secs(1),
        }
    }
}

/// A file whose dirty lines can be asked for.
pub trait DirtyCells {
    /// Its name.
    fn name(&self) -> &str;

    /// Its size in bytes: lines beyond it are not looked at.
    fn bytes(&self) -> u64;

    /// How many lines are dirty in each of `cells` parts of `cell_bytes` bytes from its beginning.
    ///
    /// # Errors
    /// The driver's.
    fn dirty_cells(&mut self, cell_bytes: u64, cells: u32) -> Result<Vec<u32>, SourceError>;
}

/// An open file, through a control device.
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub struct DeviceFile<'a, P: crate::client::Platform> {
    /// The device.
    pub device: &'a crate::client::Device<P>,
    /// The file, opened with FILE_WRITE_DATA.
    pub file: &'a P::Handle,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
}

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
impl<P: crate::client::Platform> DirtyCells for DeviceFile<'_, P> {
    fn name(&self) -> &str {
        &self.name
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn dirty_cells(&mut self, cell_bytes: u64, cells: u32) -> Result<Vec<u32>, SourceError> {
        let counts = self.device.dirty_lines(self.file, 0, cell_bytes, cells);
        counts.map_err(SourceError::new)
    }
}

/// Said of a driver that was loaded anew: its counters begin again.
const RELOADED: &str = "the driver was loaded anew, and what came then is left out";

/// Looks at a driver for a while; `wait` is called between samples with the time to wait, and may end
/// it by returning false.
///
/// # Errors
/// The driver does not answer.
pub fn collect_live(
    source: &mut dyn Source,
    mut file: Option<&mut dyn DirtyCells>,
    options: &LiveOptions,
    wait: &mut dyn FnMut(Duration) -> bool,
) -> Result<ReportData, SourceError> {
    let first = source.sample()?;
    let mut heat = file.as_ref().map(|file| map(file.name(), file.bytes()));
    let mut before = first.clone();
    let (mut points, mut reloaded) = (Vec::new(), false);
    while before.time.saturating_sub(first.time) < options.duration && wait(options.interval) {
        let now = source.sample()?;
        if now.information.uptime < before.information.uptime {
            reloaded = true;
            break;
        }
        let at = now.time.saturating_sub(first.time).as_secs_f64();
        points.push(point(at, &before, &now));
        if let (Some(file), Some(heat)) = (&mut file, &mut heat) {
            look(*file, heat, at)?;
        }
        before = now;
    }
    let mut data = data(&first, &before, points, heat);
    data.faults.extend(reloaded.then(|| RELOADED.to_owned()));
    Ok(data)
}

fn point(at: f64, before: &Sample, now: &Sample) -> Point {
    let (before, now) = (&before.statistics.counters, &now.statistics.counters);
    Point {
        at,
        asked: None,
        flushed: now.lines.saturating_sub(before.lines),
        dirty: now.dirty_lines,
    }
}

fn look(file: &mut dyn DirtyCells, heat: &mut HeatMap, at: f64) -> Result<(), SourceError> {
    let cells = u32::try_from(heat.columns).unwrap_or(u32::MAX);
    let counts = file.dirty_cells(heat.cell_bytes, cells)?;
    let mut row: Vec<u64> = counts.into_iter().map(u64::from).collect();
    row.resize(heat.columns as usize, 0);
    if heat.times.is_empty() {
        heat.times.push(0.0);
    }
    heat.times.push(at);
    heat.rows.push(row);
    if heat.rows.len() > 2 * MOST_ROWS {
        halve(heat);
    }
    Ok(())
}

/// Makes one row of each two: in each cell the larger number.
fn halve(heat: &mut HeatMap) {
    let rows = heat.rows.chunks(2).map(|pair| {
        let mut row = pair[0].clone();
        for (count, other) in row.iter_mut().zip(pair.get(1).into_iter().flatten()) {
            *count = (*count).max(*other);
        }
        row
    });
    heat.rows = rows.collect();
    let last = heat.times.last().copied();
    let mut times: Vec<f64> = heat.times.iter().copied().step_by(2).collect();
    if times.len() <= heat.rows.len() {
        times.extend(last);
    }
    heat.times = times;
}

fn data(first: &Sample, last: &Sample, points: Vec<Point>, heat: Option<HeatMap>) -> ReportData {
    let information = &last.information;
    let (old, new) = (&first.statistics, &last.statistics);
    let rise = |before: u64, now: u64| now.saturating_sub(before);
    let seconds = last.time.saturating_sub(first.time).as_secs_f64();
    let failed_commits = rise(old.counters.failed_commits, new.counters.failed_commits);
    let refused = rise(old.counters.refused, new.counters.refused);
    let mut faults = Vec::new();
    if failed_commits != 0 {
        faults.push(format!("{failed_commits} commits failed"));
    }
    if refused != 0 {
        faults.push(format!(
            "{refused} requests were refused because they could not be tracked"
        ));
    }
    ReportData {
        origin: Origin::Live { seconds },
        driver: Driver {
            version: information.driver,
            method: method_name(information.method).to_owned(),
        },
        summary: Summary {
            commits: rise(old.counters.commits, new.counters.commits),
            failed_commits,
            writes: rise(old.counters.writes, new.counters.writes),
            asked_lines: None,
            flushed_lines: rise(old.counters.lines, new.counters.lines),
        },
        latency: Latency::from(&new.commit_time.since(&old.commit_time)),
        points,
        maps: heat
            .filter(|heat| !heat.rows.is_empty())
            .into_iter()
            .collect(),
        files: files(first, last),
        faults,
    }
}

/// The streams that were there at the end, without those of which nothing was flushed.
fn files(first: &Sample, last: &Sample) -> Vec<FileTotals> {
    let before: HashMap<_, _> = first
        .streams
        .known()
        .iter()
        .map(|stream| ((stream.volume, stream.record.id), &stream.record))
        .collect();
    let mut files: Vec<FileTotals> = last
        .streams
        .known()
        .iter()
        .map(|stream| {
            let before = before.get(&(stream.volume, stream.record.id));
            let (commits, lines) = before.map_or((0, 0), |record| (record.commits, record.lines));
            FileTotals {
                name: stream.name.clone(),
                bytes: stream.record.view_bytes,
                commits: stream.record.commits.saturating_sub(commits),
                asked: None,
                flushed: stream.record.lines.saturating_sub(lines),
            }
        })
        .collect();
    files.retain(|file| file.commits != 0);
    files.sort_by_key(|file| std::cmp::Reverse(file.flushed));
    files
}
