//! A trace of what programs do to files on DAX volumes, from the driver's own events at level 5: how
//! `daxctl record` watches on Windows, where no program can be stopped at its system calls as on Linux.
//!
//! Stores through views are those that their programs report; what a dirty log holds, and what nobody
//! tells of, is in no event.

use crate::{
    events::{Event, Value},
    trace::{Op, TraceWriter},
};
use std::collections::HashMap;

/// The provider that the driver's events are of.
pub const PROVIDER: &str = "Daxflush";

/// The provider's GUID, which follows from its name as TraceLogging has it: the SHA-1 of a fixed
/// namespace and the name, in capitals and UTF-16BE, as a GUID of version 5.
pub const PROVIDER_GUID: u128 = 0xbe52dc23_1283_5330_28a3_baef393266bc;

/// Feeds a trace with events.
pub struct FromEvents {
    /// Their numbers in the trace; none of those that are not watched.
    files: HashMap<u64, Option<u32>>,
    /// Only files whose names begin with one of them.
    prefixes: Vec<String>,
    /// Events that are none of the driver's, or lack what they need.
    ignored: u64,
    /// Operations on files whose opening no event told of.
    unknown: u64,
}

impl FromEvents {
    /// Takes the files whose names, as the Filter Manager gives them
    /// (`\Device\HarddiskVolume3\folder\file`), begin with `prefix`, in any case; all of them if it is
    /// empty.
    pub fn new(prefix: &str) -> Self {
        Self::watching(&[prefix])
    }

    /// Takes the files whose names begin with any of the prefixes; all of them if there is none.
    pub fn watching(prefixes: &[impl AsRef<str>]) -> Self {
        let prefixes = prefixes.iter();
        Self {
            files: HashMap::new(),
            prefixes: prefixes
                .map(|prefix| prefix.as_ref().to_lowercase())
                .collect(),
            ignored: 0,
            unknown: 0,
        }
    }

    /// Adds what an event says to the trace.
    pub fn take(&mut self, event: &Event, trace: &mut TraceWriter) {
        if event.provider != PROVIDER || self.add(event, trace).is_none() {
            self.ignored += 1;
        }
    }

    /// Events that said nothing about a file that is watched.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Operations that are left out because their file was open before events were taken.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    fn add(&mut self, event: &Event, trace: &mut TraceWriter) -> Option<()> {
        let number = |name| match event.fields.iter().find(|(field, _)| field == name)? {
            (_, Value::Unsigned(number)) => Some(*number),
            _ => None,
        };
        let stream = number("Stream")?;
        if event.name == "Open" {
            let text = event.fields.iter().find(|(field, _)| field == "Name");
            let Some((_, Value::Text(name))) = text else {
                return None;
            };
            self.open(stream, name, trace)?;
            return Some(());
        }
        let name = event.name.as_str();
        if !matches!(name, "Write" | "Store" | "Flush" | "Truncate") {
            return None;
        }
        let Some(file) = self.files.get(&stream) else {
            self.unknown += 1;
            return None;
        };
        let file = (*file)?;
        let op = match name {
            "Write" => Op::Write {
                file,
                offset: number("Offset")?,
                length: number("Length")?,
            },
            "Store" => Op::Store {
                file,
                offset: number("Offset")?,
                length: number("Length")?,
            },
            "Flush" => Op::Flush { file },
            "Truncate" => Op::Truncate {
                file,
                size: number("Size")?,
            },
            _ => return None,
        };
        trace.push(op);
        Some(())
    }

    fn open(&mut self, stream: u64, name: &str, trace: &mut TraceWriter) -> Option<()> {
        let full = name.to_lowercase();
        let mut prefixes = self.prefixes.iter();
        if !self.prefixes.is_empty() && !prefixes.any(|prefix| full.starts_with(prefix)) {
            self.files.entry(stream).or_default();
            return None;
        }
        let base = name.rsplit('\\').next().filter(|base| !base.is_empty());
        let base = base.map_or_else(|| format!("stream-{stream:x}"), str::to_owned);
        self.files
            .entry(stream)
            .or_insert_with(|| Some(trace.open(&base)));
        Some(())
    }
}
