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

/// Feeds a trace with events.
pub struct FromEvents {
    files: HashMap<u64, u32>,
    /// Only files whose names begin so.
    prefix: String,
    /// Events that are none of the driver's, or lack what they need.
    ignored: u64,
}

impl FromEvents {
    /// Takes the files whose names, as the Filter Manager gives them
    /// (`\Device\HarddiskVolume3\folder\file`), begin with `prefix`, in any case; all of them if it is
    /// empty.
    pub fn new(prefix: &str) -> Self {
        Self {
            files: HashMap::new(),
            prefix: prefix.to_lowercase(),
            ignored: 0,
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
        let file = *self.files.get(&stream)?;
        let op = match event.name.as_str() {
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
        if !name.to_lowercase().starts_with(&self.prefix) {
            return None;
        }
        let base = name.rsplit('\\').next().filter(|base| !base.is_empty());
        let base = base.map_or_else(|| format!("stream-{stream:x}"), str::to_owned);
        self.files
            .entry(stream)
            .or_insert_with(|| trace.open(&base));
        Some(())
    }
}
