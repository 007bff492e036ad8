//! Where the power is cut, and the comparison of what survives.

use crate::{
    model::{Loss, Model},
    random::Random,
    trace::Step,
};
use ntsim::{CutPolicy, FileId, Sim};
use std::collections::HashMap;

/// The most losses that are told one by one.
const TOLD: usize = 5;

/// A power cut to come.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub policy: CutPolicy,
    /// Within the operation, at an instruction that this number chooses; else after it.
    pub within: Option<u64>,
}

/// The cuts of a replay by the index of their operation.
pub struct Plan(HashMap<usize, Vec<Cut>>);

impl Plan {
    /// Half of the cuts right after a commit, a quarter after any operation, and a quarter at one
    /// of the instructions of a commit.
    pub fn new(steps: &[Step], cuts: u64, seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let commits: Vec<usize> = (0..steps.len())
            .filter(|index| steps[*index].op.is_commit())
            .collect();
        let mut plan: HashMap<usize, Vec<Cut>> = HashMap::new();
        for _ in 0..if steps.is_empty() { 0 } else { cuts } {
            let kind = if commits.is_empty() {
                2
            } else {
                random.below(4)
            };
            let step = match kind {
                2 => random.below(steps.len() as u64) as usize,
                _ => commits[random.below(commits.len() as u64) as usize],
            };
            let within = (kind == 3).then(|| random.next_u64());
            let policy = match random.below(4) {
                0 => CutPolicy::Durable,
                1 => CutPolicy::Everything,
                _ => CutPolicy::Random(random.next_u64()),
            };
            plan.entry(step).or_default().push(Cut { policy, within });
        }
        Self(plan)
    }

    pub fn take(&mut self, step: usize) -> Vec<Cut> {
        self.0.remove(&step).unwrap_or_default()
    }
}

/// What the program, the model and the cuts share with the probe.
#[derive(Default)]
pub struct Shared {
    pub model: Model,
    /// The simulated stream behind each of the trace's numbers.
    pub ids: HashMap<u32, FileId>,
    /// The trace's line that is under way.
    pub line: usize,
    /// Cuts to make at an instruction of the commit under way, by its number from 1.
    pub armed: Vec<(u64, CutPolicy)>,
    pub instructions: u64,
    pub cuts: u64,
    pub bytes_lost: u64,
    pub losses: Vec<String>,
}

impl Shared {
    /// Counts an instruction of the driver, and cuts the power if this is the place.
    pub fn instruction(&mut self, sim: &Sim) {
        self.instructions += 1;
        let now = self.instructions;
        let (due, later) = self
            .armed
            .drain(..)
            .partition::<Vec<_>, _>(|(at, _)| *at == now);
        self.armed = later;
        for (_, policy) in due {
            self.cut(sim, policy, "during");
        }
    }

    /// Cuts the power and compares what survived with what had to.
    pub fn cut(&mut self, sim: &Sim, policy: CutPolicy, when: &str) {
        self.cuts += 1;
        let survivors = sim.power_cut(policy);
        let mut losses: Vec<(u32, Loss)> = Vec::new();
        for (number, file) in self.model.files() {
            let Some(id) = self.ids.get(&number) else {
                continue;
            };
            let found = file.check(|offset, data| {
                if !survivors.read(*id, offset, data) {
                    data.fill(0);
                }
            });
            losses.extend(found.into_iter().map(|loss| (number, loss)));
        }
        for (number, loss) in losses {
            self.bytes_lost += loss.bytes;
            if self.losses.len() < TOLD {
                let state = if loss.committed {
                    "committed"
                } else {
                    "older than committed"
                };
                self.losses.push(format!(
                    "power cut {when} line {}: {} {state} bytes lost in the line of file {number} \
                     at {} ({policy:?})",
                    self.line, loss.bytes, loss.offset,
                ));
            }
        }
    }
}
