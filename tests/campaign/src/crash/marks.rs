//! What a program did, between the entries of the device's journal.

use ntsim::{Journaled, Sim};
use std::{collections::HashMap, ops::Range};

/// One thing that a program did, or that came of it. Files and stores are numbered.
#[derive(Clone, Debug)]
pub enum Mark {
    /// A file is there, at this place of the device. Nothing is promised of what it held before.
    File {
        /// Its number.
        file: usize,
        /// Its path.
        name: String,
        /// Where it begins on the device.
        region: u64,
    },
    /// The file has this size, durably.
    Size {
        /// The file.
        file: usize,
        /// In bytes.
        size: u64,
    },
    /// The file is deleted.
    Gone {
        /// The file.
        file: usize,
    },
    /// Bytes are about to be stored.
    Storing {
        /// The store.
        store: usize,
        /// The file.
        file: usize,
        /// Of the first byte.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
    },
    /// The write, or the report of the store, has completed: the next commit has to cover it.
    Stored {
        /// The store.
        store: usize,
    },
    /// A commit has begun.
    Committing {
        /// The commit.
        commit: usize,
        /// What it covers: files, and ranges of them.
        scopes: Vec<(usize, Option<Range<u64>>)>,
        /// What it is.
        what: String,
    },
    /// A commit has ended; if it failed, nothing is promised.
    Committed {
        /// The commit.
        commit: usize,
        /// Whether it succeeded.
        success: bool,
    },
    /// This one store is durable from now on (a write through).
    Through {
        /// The store.
        store: usize,
    },
    /// A program's transaction is about to be made durable.
    Begun(u64),
    /// The program relies on this transaction from now on.
    Relied(u64),
    /// What the simulator holds for durable of the file now, from its beginning on.
    Durable {
        /// The file.
        file: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// All that was recorded of a scenario.
#[derive(Debug, Default)]
pub struct Recording {
    /// The device's journal, in which marks stand by their numbers.
    pub journal: Vec<Journaled>,
    /// The marks.
    pub marks: Vec<Mark>,
    /// Names of the driver's instructions.
    pub symbols: HashMap<usize, String>,
}

impl Recording {
    /// Names instructions that have no name yet. The driver must be loaded.
    pub fn symbolize(symbols: &mut HashMap<usize, Option<String>>, sim: &Sim) {
        for (address, symbol) in symbols {
            if symbol.is_none() {
                *symbol = Some(sim.symbolize(*address)).filter(|name| !name.is_empty());
            }
        }
    }
}
