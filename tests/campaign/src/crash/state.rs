//! What is found after a power cut, made in the memory's floor.

use super::{
    memory::{LINE, Memory, UNITS, Version, part},
    subset::{Subset, Undrained},
};

/// What the floor of the memory holds at the moment: of each line a version or a mixture.
pub struct State<'a> {
    /// The lines that are not drained.
    pub undrained: &'a Undrained,
    /// The version of each line; nothing of a mixture.
    chosen: Vec<Option<usize>>,
    parts: Vec<u128>,
    /// The hash of the image.
    pub hash: u128,
    /// Of each line.
    units: Vec<u8>,
    /// Lines with units that must not be found so.
    pub wrong: usize,
}

impl<'a> State<'a> {
    /// Nothing survives.
    pub fn new(memory: &Memory, undrained: &'a Undrained) -> Self {
        let units: Vec<u8> = undrained.iter().map(|(_, all)| wrong(&all[0])).collect();
        Self {
            undrained,
            chosen: vec![Some(0); undrained.len()],
            parts: undrained.iter().map(|(_, all)| all[0].part).collect(),
            hash: memory.hash,
            wrong: units.iter().filter(|units| **units != 0).count(),
            units,
        }
    }

    /// Puts what survives into the memory's floor.
    pub fn choose(&mut self, memory: &mut Memory, subset: Subset) {
        if let Subset::Combination(mut rest) = subset {
            // The digits of one number, at once.
            for at in 0..self.undrained.len() {
                let count = self.undrained[at].1.len() as u64;
                self.choose_version(memory, at, (rest % count) as usize);
                rest /= count;
            }
            return;
        }
        for at in 0..self.undrained.len() {
            if subset.is_torn() {
                self.choose_mixture(memory, at, subset);
            } else {
                self.choose_version(memory, at, subset.version(self.undrained, at));
            }
        }
    }

    fn choose_version(&mut self, memory: &mut Memory, at: usize, version: usize) {
        if self.chosen[at] != Some(version) {
            self.chosen[at] = Some(version);
            let chosen = &self.undrained[at].1[version];
            self.put(memory, at, &chosen.bytes, chosen.part, wrong(chosen));
        }
    }

    fn choose_mixture(&mut self, memory: &mut Memory, at: usize, subset: Subset) {
        let (line, versions) = &self.undrained[at];
        let bytes = subset.bytes(self.undrained, at);
        let units = (0..UNITS).fold(0, |units, unit| {
            let version = &versions[subset.unit(self.undrained, at, unit)];
            units | wrong(version) & 1 << unit
        });
        self.chosen[at] = None;
        self.put(memory, at, &bytes, part(*line, &bytes), units);
    }

    fn put(&mut self, memory: &mut Memory, at: usize, bytes: &[u8; LINE], part: u128, units: u8) {
        let line = self.undrained[at].0 as usize;
        memory.floor[line * LINE..][..LINE].copy_from_slice(bytes);
        self.hash ^= self.parts[at] ^ part;
        self.parts[at] = part;
        self.wrong += usize::from(units != 0);
        self.wrong -= usize::from(self.units[at] != 0);
        self.units[at] = units;
    }
}

fn wrong(version: &Version) -> u8 {
    version.wrong.map_or(0, |(_, units)| units)
}
