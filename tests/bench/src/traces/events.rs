//! A trace as what matters here: stores, commits and lines that go away.

use crate::peers::Store;
use daxctl::trace::{Op, TraceError, read};
use std::{collections::HashMap, path::Path};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Store(Store),
    /// Of a part of the file, or of all of it.
    Commit(Option<Store>),
    /// To so many bytes.
    Truncate(u64),
}

/// What a program did, each event with the number of its file.
pub struct Program {
    pub events: Vec<(usize, Event)>,
    /// The largest size of each file, and whether it is ever committed.
    pub files: Vec<File>,
    pub commits: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub size: u64,
    pub committed: bool,
}

impl Program {
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let trace = read(path)?;
        let events = trace.steps.iter().filter_map(|step| event(&step.op));
        Ok(Self::new(events))
    }

    pub fn stores(&self) -> usize {
        let store = |(_, event): &&(usize, Event)| matches!(event, Event::Store(_));
        self.events.iter().filter(store).count()
    }

    fn new(events: impl Iterator<Item = (u32, Event)>) -> Self {
        let mut program = Self {
            events: Vec::new(),
            files: Vec::new(),
            commits: 0,
        };
        let mut numbers = HashMap::new();
        for (name, event) in events {
            let number = *numbers.entry(name).or_insert_with(|| {
                program.files.push(File::default());
                program.files.len() - 1
            });
            let file = &mut program.files[number];
            match event {
                Event::Store(store) => file.size = file.size.max(store.end()),
                Event::Truncate(size) => file.size = file.size.max(size),
                Event::Commit(_) => {
                    file.committed = true;
                    program.commits += 1;
                }
            }
            program.events.push((number, event));
        }
        program
    }
}

fn event(op: &Op) -> Option<(u32, Event)> {
    let store = |offset, length| (length != 0).then(|| Store::new(offset, length));
    match *op {
        Op::Write {
            file,
            offset,
            length,
        }
        | Op::Store {
            file,
            offset,
            length,
        } => Some((file, Event::Store(store(offset, length)?))),
        Op::Flush { file } => Some((file, Event::Commit(None))),
        Op::FlushView {
            file,
            offset,
            length,
        } => Some((file, Event::Commit(Some(store(offset, length)?)))),
        Op::Truncate { file, size } => Some((file, Event::Truncate(size))),
        Op::Delete { file } => Some((file, Event::Truncate(0))),
        Op::Open { .. } | Op::Map { .. } => None,
    }
}
