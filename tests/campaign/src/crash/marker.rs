//! Writes marks into the journal of a machine's persistent memory.

use super::marks::Mark;
use daxctl::random::mix;
use ntsim::{Handle, Sim};
use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
};

/// An open file, and its number in the recording.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The handle.
    pub handle: Handle,
    /// The number.
    pub number: usize,
}

/// What a commit covers: a file, or a range of it.
pub type Scope = (File, Option<Range<u64>>);

/// All of a file.
pub fn whole(file: File) -> Scope {
    (file, None)
}

/// Something that happens at an instruction of the driver: the machine's other processors go on.
pub(super) type Meanwhile = Box<dyn FnMut(&Marker) + Send>;

/// What the program and the probe share.
#[derive(Default)]
pub(super) struct Shared {
    pub marks: Vec<Mark>,
    pub symbols: HashMap<usize, Option<String>>,
    stores: usize,
    commits: usize,
    stamps: u64,
    /// Instructions left until something happens.
    pub meanwhile: Option<(u64, Meanwhile)>,
}

/// Writes marks.
#[derive(Clone)]
pub struct Marker {
    sim: Sim,
    shared: Arc<Mutex<Shared>>,
    seed: u64,
}

impl Marker {
    /// For the machine, with a seed for what is stored.
    pub fn new(sim: &Sim, seed: u64) -> Self {
        Self {
            sim: sim.clone(),
            shared: Arc::default(),
            seed,
        }
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("the recording")
    }

    /// The last entry of the journal was made by this instruction.
    pub fn annotate(&self, instruction: usize) {
        self.sim.persistent_memory().annotate(instruction);
        self.shared().symbols.entry(instruction).or_insert(None);
    }

    /// Puts a mark into the journal.
    pub fn mark(&self, mark: Mark) {
        let mut shared = self.shared();
        self.sim.persistent_memory().mark(shared.marks.len() as u64);
        shared.marks.push(mark);
    }

    /// Bytes that no other store of this recording has, each unit of them.
    pub fn stamps(&self, offset: u64, length: usize) -> Vec<u8> {
        let stamp = {
            let mut shared = self.shared();
            shared.stamps += 1;
            mix(self.seed ^ mix(shared.stamps))
        };
        let byte = |at: u64| mix(stamp ^ (at / 8)).to_le_bytes()[(at % 8) as usize];
        (offset..offset + length as u64).map(byte).collect()
    }

    /// A store is about to be made; returns its number.
    pub fn storing(&self, file: usize, offset: u64, data: &[u8]) -> usize {
        let store = {
            let mut shared = self.shared();
            shared.stores += 1;
            shared.stores
        };
        self.mark(Mark::Storing {
            store,
            file,
            offset,
            data: data.to_vec(),
        });
        store
    }

    /// A store is complete.
    pub fn stored(&self, store: usize) {
        self.mark(Mark::Stored { store });
    }

    /// A commit begins; returns its number.
    pub fn committing(&self, what: &str, scopes: &[Scope]) -> usize {
        let commit = {
            let mut shared = self.shared();
            shared.commits += 1;
            shared.commits
        };
        let scopes = scopes.iter();
        self.mark(Mark::Committing {
            commit,
            scopes: scopes
                .map(|(file, range)| (file.number, range.clone()))
                .collect(),
            what: what.to_owned(),
        });
        commit
    }

    /// A commit has ended.
    pub fn committed(&self, commit: usize, success: bool) {
        self.mark(Mark::Committed { commit, success });
    }
}
