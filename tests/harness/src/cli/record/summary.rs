//! What was recorded, for people and as JSON.

use super::super::{
    failure::Failure,
    output::{HEAD, WARN, bytes, grouped, json},
};
use crate::trace::{Changes, Counts};
use serde::Serialize;
use std::path::PathBuf;

/// What a recording comes to.
#[derive(Serialize)]
pub struct Summary {
    /// The trace.
    pub trace: PathBuf,
    /// How the program ended, if one was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Ended>,
    /// All operations of the trace.
    pub operations: u64,
    /// They by their kinds.
    pub counts: Counts,
    /// The files, where their names are known.
    pub files: Vec<RecordedFile>,
    /// What the trace lacks.
    pub missed: Vec<Missed>,
    /// Where the trace differs from what was seen.
    pub changes: Changes,
    /// Whether ctrl-C or a signal has ended it.
    pub interrupted: bool,
}

/// How a program ended.
#[derive(Serialize)]
pub struct Ended {
    /// Its exit status, unless a signal has ended it.
    pub exit_code: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
}

/// A file of the trace.
#[derive(Serialize)]
pub struct RecordedFile {
    /// Its number there.
    pub number: u32,
    /// Its name.
    pub path: PathBuf,
}

/// Something that the trace does not tell.
#[derive(Serialize)]
pub struct Missed {
    /// What it is, in words.
    pub what: String,
    /// How often it was seen.
    pub times: u64,
}

/// Files that people are shown.
const SHOWN_FILES: usize = 10;

impl Summary {
    /// Prints it: JSON to the standard output, text for people to the standard error, where it does
    /// not mix with what the program writes. Warnings go there in either case.
    pub fn show(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            json(self)?;
        } else {
            self.tell();
        }
        for missed in &self.missed {
            let times = match missed.times {
                0 | 1 => String::new(),
                times => format!(" ({} times)", grouped(times)),
            };
            let what = &missed.what;
            anstream::eprintln!("daxctl: {WARN}not in the trace{WARN:#}: {what}{times}");
        }
        Ok(())
    }

    fn tell(&self) {
        let trace = self.trace.display();
        let operations = grouped(self.operations);
        anstream::eprintln!("{HEAD}{trace}{HEAD:#}: {operations} operations");
        anstream::eprintln!("  {}", parts(&self.counts).join(", "));
        for file in self.files.iter().take(SHOWN_FILES) {
            anstream::eprintln!("  {:>3} {}", file.number, file.path.display());
        }
        if let Some(more @ 1..) = self.files.len().checked_sub(SHOWN_FILES) {
            anstream::eprintln!("      and {more} files more");
        }
        match self.program {
            Some(Ended {
                signal: Some(signal),
                ..
            }) => anstream::eprintln!("  the program was ended by signal {signal}"),
            Some(Ended {
                exit_code: Some(code),
                ..
            }) => anstream::eprintln!("  the program ended with {code}"),
            _ => {}
        }
        if self.interrupted {
            anstream::eprintln!("  the recording was ended early");
        }
        for (count, what) in [
            (
                self.changes.grown_for_view,
                "files grow before they are mapped",
            ),
            (
                self.changes.cuts_left_out,
                "cuts of unmapped files left out",
            ),
            (
                self.changes.beyond_largest,
                "operations beyond 1 GiB cut or left out",
            ),
        ] {
            if count != 0 {
                anstream::eprintln!("  {} {what}", grouped(count));
            }
        }
    }
}

/// The kinds that there are.
fn parts(counts: &Counts) -> Vec<String> {
    let sized = |size| format!(" ({})", bytes(size));
    let kinds = [
        (counts.opens, "open", String::new()),
        (counts.writes, "write", sized(counts.bytes_written)),
        (counts.maps, "map", String::new()),
        (counts.stores, "store", sized(counts.bytes_stored)),
        (counts.flushes, "flush", String::new()),
        (counts.view_flushes, "flushview", String::new()),
        (counts.truncates, "truncate", String::new()),
        (counts.deletes, "delete", String::new()),
    ];
    let there = kinds.into_iter().filter(|(count, ..)| *count != 0);
    there
        .map(|(count, kind, size)| format!("{} {kind}{size}", grouped(count)))
        .collect()
}
