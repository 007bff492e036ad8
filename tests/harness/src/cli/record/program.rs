//! Recording a program on Linux.

use super::{
    events,
    summary::{Ended, Missed, RecordedFile, Summary},
};
use crate::{
    cli::failure::Outcome,
    record::{self, Options, Progress, record},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitCode, ExitStatus},
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// The trace to write; gzip if it ends in .gz
    #[arg(long, short, value_name = "FILE", default_value = "trace.tsv.gz")]
    output: PathBuf,
    /// Record only files at or beneath this path; may be given several times. Else every regular file
    /// that the program opens for writing. With --events: files whose names on the machine begin so
    #[arg(long, value_name = "PATH")]
    watch: Vec<PathBuf>,
    /// Record from the driver's events on the simulated machine, as on Windows, instead of a program
    #[arg(long, conflicts_with = "program")]
    events: bool,
    /// End after so many seconds; else with ctrl-C
    #[arg(long, value_name = "S", conflicts_with = "program")]
    seconds: Option<u64>,
    /// The program and its arguments. Its exit status is in the summary only
    #[arg(
        last = true,
        value_name = "PROGRAM",
        required_unless_present = "events"
    )]
    program: Vec<OsString>,
}

impl Arguments {
    /// The same for events, if it is they that are to be recorded.
    pub fn of_events(self) -> Result<events::Arguments, Self> {
        if !self.events {
            return Err(self);
        }
        let names = self.watch.iter();
        let watch = names.map(|name| name.to_string_lossy().into()).collect();
        Ok(events::Arguments {
            output: self.output,
            watch,
            seconds: self.seconds,
        })
    }

    /// Runs the program and writes the trace.
    pub fn record(self, json: bool) -> Outcome {
        let options = Options {
            program: self.program,
            watch: self.watch,
            output: self.output,
        };
        // No steady tick: its thread would be there before the recording begins.
        let line = progress_line();
        let recorded = record(&options, &mut |progress| show(&line, progress));
        line.finish_and_clear();
        summary(options.output, recorded?).show(json)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Shown on a terminal only.
fn progress_line() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{elapsed} {msg}");
    style.map_or(line.clone(), |style| line.with_style(style))
}

fn show(line: &ProgressBar, progress: &Progress) {
    let operations = progress.counts.operations();
    let threads = progress.threads;
    line.set_message(format!(
        "{operations} operations recorded, {threads} threads run"
    ));
}

fn summary(trace: PathBuf, recorded: record::Summary) -> Summary {
    let files = recorded.files.into_iter();
    let missed = recorded.missed.into_iter();
    Summary {
        trace,
        program: Some(ended(recorded.status)),
        operations: recorded.counts.operations(),
        counts: recorded.counts,
        files: files
            .map(|file| RecordedFile {
                number: file.number,
                path: file.path,
            })
            .collect(),
        missed: missed
            .map(|(what, times)| Missed {
                what: what.to_string(),
                times,
            })
            .collect(),
        changes: recorded.changes,
        interrupted: recorded.interrupted,
    }
}

fn ended(status: ExitStatus) -> Ended {
    Ended {
        exit_code: status.code(),
        signal: status.signal(),
    }
}
