//! `daxctl commit` and `daxctl mark`.

use super::{
    failure::{Failure, Outcome},
    number,
    output::{grouped, json, say, time},
    site::{Site, Visit},
};
use crate::client::{Coded, Platform};
use daxflush_protocol::FileRange;
use serde::Serialize;
use std::process::ExitCode;

/// What `daxctl commit` takes.
#[derive(clap::Args)]
pub struct CommitArguments {
    /// The files, which you may write; of a simulated machine `D:\name`
    #[arg(required = true)]
    files: Vec<String>,
    /// Only these bytes of each
    #[arg(long, value_name = "OFFSET:LENGTH", value_parser = number::range)]
    range: Option<FileRange>,
    /// Begin all commits, and wait for them once at the end
    #[arg(long)]
    no_drain: bool,
}

#[derive(Serialize)]
struct Committed {
    file: String,
    ranges: u64,
    lines: u64,
    time_ns: u64,
    /// Whether the file is durable because of this commit, or of the drain behind all.
    drained: bool,
}

/// A file that a command has open.
pub struct OpenFile<'a, P: Platform> {
    platform: &'a P,
    handle: Option<P::Handle>,
}

impl<'a, P: Platform> OpenFile<'a, P>
where
    P::Error: Coded,
{
    /// Opens a file that is there.
    pub fn new(platform: &'a P, path: &str) -> Result<Self, Failure> {
        let opened = platform.open_existing(path);
        let handle = opened
            .map_err(|error| Failure::of(path, &crate::client::ClientError::Platform(error)))?;
        Ok(Self {
            platform,
            handle: Some(handle),
        })
    }

    /// Its handle.
    ///
    /// # Panics
    /// Never: it is there until the drop.
    pub fn handle(&self) -> &P::Handle {
        self.handle.as_ref().expect("open until it is dropped")
    }
}

impl<P: Platform> Drop for OpenFile<'_, P> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // What matters was committed before.
            let _ = self.platform.close(handle);
        }
    }
}

impl Visit for CommitArguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let device = site.device()?;
        let range = self.range.unwrap_or_default();
        let mut answers = Vec::new();
        let mut open = Vec::new();
        for path in &self.files {
            let file = OpenFile::new(&site.platform, path)?;
            let done = if self.no_drain {
                device.begin_commit(file.handle(), range)
            } else {
                device.commit(file.handle(), range)
            };
            let done = done.map_err(|error| Failure::of(format_args!("commit {path}"), &error))?;
            answers.push(Committed {
                file: path.clone(),
                ranges: done.ranges,
                lines: done.lines,
                time_ns: done.time.saturating_mul(100),
                drained: !self.no_drain,
            });
            open.push(file);
        }
        if self.no_drain {
            let drained = device.drain();
            drained.map_err(|error| Failure::of("drain", &error))?;
            answers.iter_mut().for_each(|answer| answer.drained = true);
        }
        if site.json {
            json(&answers)?;
            return Ok(ExitCode::SUCCESS);
        }
        for answer in &answers {
            let Committed {
                file,
                ranges,
                lines,
                time_ns,
                ..
            } = answer;
            let (ranges, lines) = (grouped(*ranges), grouped(*lines));
            say!(
                "{file}: durable, {lines} lines in {ranges} ranges flushed in {}",
                time(time_ns / 100)
            );
        }
        if self.no_drain {
            say!("one drain for all");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What `daxctl mark` takes.
#[derive(clap::Args)]
pub struct MarkArguments {
    /// The file, which you may write
    file: String,
    /// The ranges
    #[arg(required = true, value_name = "OFFSET:LENGTH", value_parser = number::range)]
    ranges: Vec<FileRange>,
}

impl Visit for MarkArguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let device = site.device()?;
        let file = OpenFile::new(&site.platform, &self.file)?;
        let marked = device.mark_dirty(file.handle(), &self.ranges);
        marked.map_err(|error| Failure::of(format_args!("mark {}", self.file), &error))?;
        let bytes: u64 = self.ranges.iter().map(|range| range.length).sum();
        let (count, path) = (self.ranges.len() as u64, &self.file);
        if site.json {
            json(&serde_json::json!({ "file": path, "ranges": count, "bytes": bytes }))?;
        } else {
            say!(
                "{path}: {} ranges, {} bytes are dirty now",
                grouped(count),
                grouped(bytes)
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
