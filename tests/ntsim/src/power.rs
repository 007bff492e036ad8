//! Cutting the power, and what of the files survives.

use crate::{FileId, Sim};
pub use ntsim_machine::pmem::{JournalEntry, Journaled};
use ntsim_machine::pmem::{Pmem, Policy, Survivors};
use std::collections::HashMap;

/// Which of the bytes that are not known to be durable survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutPolicy {
    /// None.
    Durable,
    /// All.
    Everything,
    /// For each aligned 8 bytes one of their possible values, chosen by this seed.
    Random(u64),
}

/// A machine after a power cut. It looks at the running machine, which goes on as if nothing had
/// happened; so read it first.
pub struct PowerCut {
    survivors: Survivors,
    /// Where each file begins, and its size.
    files: HashMap<u64, (u64, u64)>,
}

impl Sim {
    /// Cuts the power now.
    pub fn power_cut(&self, policy: CutPolicy) -> PowerCut {
        let policy = match policy {
            CutPolicy::Durable => Policy::None,
            CutPolicy::Everything => Policy::All,
            CutPolicy::Random(seed) => Policy::Random(seed),
        };
        let state = self.kernel.lock();
        let files = state
            .files
            .iter()
            .map(|(id, fcb)| (*id, (fcb.region, fcb.size)))
            .collect();
        PowerCut {
            survivors: self.kernel.pmem.survivors(policy),
            files,
        }
    }
}

impl Sim {
    /// The persistent memory, whose journal tells all that happens to it.
    pub fn persistent_memory(&self) -> &Pmem {
        &self.kernel.pmem
    }

    /// Where a file begins on the persistent memory, and its size; nothing if it is gone.
    pub fn place_of(&self, file: FileId) -> Option<(u64, u64)> {
        let state = self.kernel.lock();
        let fcb = state.files.get(&file.0)?;
        Some((fcb.region, fcb.size))
    }
}

impl PowerCut {
    /// Reads a file after the restart; `false` if it is gone.
    pub fn read(&self, file: FileId, offset: u64, data: &mut [u8]) -> bool {
        let Some((region, _)) = self.files.get(&file.0) else {
            return false;
        };
        self.survivors.read(region + offset, data).is_ok()
    }

    /// The file's size after the restart.
    pub fn file_size(&self, file: FileId) -> Option<u64> {
        self.files.get(&file.0).map(|(_, size)| *size)
    }
}
