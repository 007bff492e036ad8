//! Power cuts, and what they must leave.

use daxctl::model;
use ntsim::{CutPolicy, FileId, Sim};
use std::collections::BTreeMap;

/// Losses that are told in full.
const TOLD: usize = 10;
/// Instructions of one commit at which the power is cut.
const INSTRUCTIONS: u64 = 48;

/// What the program and the probe share.
#[derive(Default)]
pub struct Shared {
    pub files: BTreeMap<FileId, model::File>,
    /// A commit is under way: the power is cut at its instructions.
    pub armed: bool,
    instructions: u64,
    pub cuts: u64,
    pub losses: Vec<String>,
}

impl Shared {
    pub fn arm(&mut self) {
        self.armed = true;
        self.instructions = 0;
    }

    /// An instruction of the driver was executed.
    pub fn instruction(&mut self, sim: &Sim) {
        if !self.armed || self.instructions >= INSTRUCTIONS {
            return;
        }
        self.instructions += 1;
        self.cut(sim, CutPolicy::Durable, "during a commit");
        self.cut(sim, CutPolicy::Random(self.cuts), "during a commit");
    }

    /// The power goes in every way.
    pub fn cut_all(&mut self, sim: &Sim, when: &str) {
        self.cut(sim, CutPolicy::Durable, when);
        self.cut(sim, CutPolicy::Everything, when);
        for _ in 0..4 {
            self.cut(sim, CutPolicy::Random(self.cuts), when);
        }
    }

    fn cut(&mut self, sim: &Sim, policy: CutPolicy, when: &str) {
        self.cuts += 1;
        let survivors = sim.power_cut(policy);
        for (id, file) in &self.files {
            let losses = file.check(|offset, data| {
                if !survivors.read(*id, offset, data) {
                    data.fill(0);
                }
            });
            if self.losses.len() < TOLD {
                let told = losses
                    .iter()
                    .map(|loss| format!("{when}, {policy:?}: {loss:?} of {id:?}"));
                self.losses.extend(told);
            }
        }
    }
}
