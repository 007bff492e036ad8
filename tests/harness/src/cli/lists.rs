//! `daxctl volumes` and `daxctl streams`.

use super::{
    failure::{Failure, Outcome},
    output::{bytes, grouped, json, say, table, time},
    site::{Site, Visit},
};
use crate::client::{Coded, Device, Platform};
use clap::ValueEnum;
use daxflush_protocol::{NEVER, StreamRecord, VolumeRecord, stream_flag, volume_flag};
use serde::Serialize;
use std::process::ExitCode;

/// `daxctl volumes`.
pub struct Volumes;

#[derive(Serialize)]
struct Volume {
    name: String,
    streams: u32,
    dirty_lines: u64,
    tracking_bytes: u64,
    tracking_limit: u64,
    commits: u64,
    failed_commits: u64,
    lines: u64,
    attached_late: bool,
    removed: bool,
}

impl Volume {
    fn new((record, name): (VolumeRecord, String)) -> Self {
        Self {
            name,
            streams: record.streams,
            dirty_lines: record.dirty_lines,
            tracking_bytes: record.tracking_bytes,
            tracking_limit: record.tracking_limit,
            commits: record.commits,
            failed_commits: record.failed_commits,
            lines: record.lines,
            attached_late: record.flags & volume_flag::ATTACHED_LATE != 0,
            removed: record.flags & volume_flag::REMOVED != 0,
        }
    }
}

impl Visit for Volumes {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let volumes = site.device()?.volumes();
        let volumes = volumes.map_err(|error| Failure::of("the volumes", &error))?;
        let volumes: Vec<_> = volumes.into_iter().map(Volume::new).collect();
        if site.json {
            json(&volumes)?;
            return Ok(ExitCode::SUCCESS);
        }
        let header = [
            "volume",
            "state",
            "streams",
            "dirty lines",
            "tracking",
            "commits",
            "failed",
            "lines flushed",
        ];
        let mut shown = table(&header, 2);
        for volume in &volumes {
            let state = match (volume.removed, volume.attached_late) {
                (true, _) => "removed",
                (false, true) => "attached late",
                (false, false) => "",
            };
            let tracking = format!(
                "{} of {}",
                bytes(volume.tracking_bytes),
                bytes(volume.tracking_limit)
            );
            shown.add_row([
                volume.name.clone(),
                state.to_owned(),
                grouped(volume.streams.into()),
                grouped(volume.dirty_lines),
                tracking,
                grouped(volume.commits),
                grouped(volume.failed_commits),
                grouped(volume.lines),
            ]);
        }
        say!("{shown}");
        if volumes.is_empty() {
            say!("the filter is attached to no volume: it takes NTFS on DAX");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What `daxctl streams` takes.
#[derive(clap::Args)]
pub struct StreamsArguments {
    /// Only of volumes whose name has this in it
    volume: Option<String>,
    /// What comes first
    #[arg(long, value_enum, default_value_t = Key::Dirty)]
    sort: Key,
    /// No more than so many
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Key {
    /// Most dirty lines
    Dirty,
    /// Most commits
    Commits,
    /// Most lines flushed
    Lines,
    /// By name
    Name,
}

#[derive(Serialize)]
struct Stream {
    name: String,
    dirty_lines: u64,
    all_dirty: bool,
    mapped: bool,
    unreported: bool,
    delete_pending: bool,
    view_bytes: u64,
    handles: u32,
    logs: u32,
    writes: u64,
    commits: u64,
    failed_commits: u64,
    lines: u64,
    last_commit: Option<LastCommit>,
}

#[derive(Serialize)]
struct LastCommit {
    age_ns: u64,
    time_ns: u64,
    lines: u64,
    status: i32,
}

impl Stream {
    fn new((record, name): (StreamRecord, String)) -> Self {
        let has = |flag| record.flags & flag != 0;
        Self {
            name,
            dirty_lines: record.dirty_lines,
            all_dirty: has(stream_flag::ALL_DIRTY),
            mapped: has(stream_flag::MAPPED),
            unreported: has(stream_flag::UNREPORTED),
            delete_pending: has(stream_flag::DELETE_PENDING),
            view_bytes: record.view_bytes,
            handles: record.handles,
            logs: record.logs,
            writes: record.writes,
            commits: record.commits,
            failed_commits: record.failed_commits,
            lines: record.lines,
            last_commit: (record.last_commit_age != NEVER).then(|| LastCommit {
                age_ns: record.last_commit_age.saturating_mul(100),
                time_ns: record.last_commit_time.saturating_mul(100),
                lines: record.last_commit_lines,
                status: record.last_status,
            }),
        }
    }

    fn state(&self) -> String {
        let words = [
            (self.unreported, "unreported"),
            (self.mapped && !self.unreported, "mapped"),
            (self.logs != 0, "logged"),
            (self.delete_pending, "to be deleted"),
        ];
        let words = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
        words.collect::<Vec<_>>().join(", ")
    }
}

fn all_streams<P: Platform>(
    device: &Device<P>,
    volume: Option<&str>,
) -> Result<Vec<Stream>, Failure>
where
    P::Error: Coded,
{
    let failed = |error| Failure::of("the streams", &error);
    let mut streams = Vec::new();
    for (record, name) in device.volumes().map_err(failed)? {
        if volume.is_none_or(|wanted| name.to_lowercase().contains(&wanted.to_lowercase())) {
            let found = device.streams(record.id).map_err(failed)?;
            streams.extend(found.into_iter().map(Stream::new));
        }
    }
    Ok(streams)
}

impl Visit for StreamsArguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let mut streams = all_streams(&site.administration()?, self.volume.as_deref())?;
        streams.sort_by(|a, b| match self.sort {
            Key::Dirty => b.dirty_lines.cmp(&a.dirty_lines),
            Key::Commits => b.commits.cmp(&a.commits),
            Key::Lines => b.lines.cmp(&a.lines),
            Key::Name => a.name.cmp(&b.name),
        });
        let count = streams.len();
        streams.truncate(self.top.unwrap_or(count));
        if site.json {
            json(&streams)?;
            return Ok(ExitCode::SUCCESS);
        }
        let header = [
            "file",
            "state",
            "dirty lines",
            "handles",
            "writes",
            "commits",
            "failed",
            "lines flushed",
            "last commit",
        ];
        let mut shown = table(&header, 2);
        for stream in &streams {
            let dirty = if stream.all_dirty {
                "all".to_owned()
            } else {
                grouped(stream.dirty_lines)
            };
            let last = stream
                .last_commit
                .as_ref()
                .map_or_else(String::new, |last| {
                    let ago = time(last.age_ns / 100);
                    match last.status {
                        0 => format!(
                            "{ago} ago, {} lines in {}",
                            grouped(last.lines),
                            time(last.time_ns / 100)
                        ),
                        status => format!("{ago} ago, failed: {:#010x}", status),
                    }
                });
            let name = if stream.name.is_empty() {
                "(unknown)"
            } else {
                &stream.name
            };
            shown.add_row([
                name.to_owned(),
                stream.state(),
                dirty,
                stream.handles.to_string(),
                grouped(stream.writes),
                grouped(stream.commits),
                grouped(stream.failed_commits),
                grouped(stream.lines),
                last,
            ]);
        }
        say!("{shown}");
        if streams.len() < count {
            say!("{} of {count} streams", streams.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}
