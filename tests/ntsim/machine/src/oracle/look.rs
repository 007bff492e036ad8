//! What an audit makes of each instruction.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::audit::AuditReport;
use super::decode::{self, Class, Site};
use super::emulate;
use super::event::Event;
use super::executed::Executed;
use super::plant::Plant;
use crate::signal::Cpu;

/// An audit under way.
pub(super) struct Audit {
    pub plant: Arc<Plant>,
    pub canary_seen: bool,
    events: Vec<Event>,
    steps: u64,
    pub executed: Executed,
    unplanted: BTreeSet<usize>,
    misplaced: BTreeSet<usize>,
}

impl Audit {
    pub fn new(plant: &Arc<Plant>) -> Audit {
        Audit {
            plant: Arc::clone(plant),
            canary_seen: false,
            events: Vec::new(),
            steps: 0,
            executed: Executed::default(),
            unplanted: BTreeSet::new(),
            misplaced: BTreeSet::new(),
        }
    }

    pub fn report(self) -> AuditReport {
        let name = |rip: &usize| match decode::at(&self.plant.code, *rip) {
            Some(i) => format!(
                "{} at {}",
                decode::mnemonic(&i),
                self.plant.image.symbolize(*rip)
            ),
            None => self.plant.image.symbolize(*rip),
        };
        AuditReport {
            unplanted: self.unplanted.iter().map(name).collect(),
            misplaced: self.misplaced.iter().map(name).collect(),
            events: self.events,
            steps: self.steps,
            executed: self.executed,
        }
    }

    /// Looks at the instruction at `rip` of the image, and executes it if it is watched.
    pub fn look(&mut self, cpu: &mut Cpu) -> bool {
        let rip = cpu.rip();
        self.steps += 1;
        self.executed.step_at(rip);
        let Some(instruction) = decode::at(&self.plant.code, rip) else {
            self.misplaced.insert(rip);
            return false;
        };
        let inside = rip + 1..rip + instruction.len();
        if !self.plant.sites_in(inside).is_empty() {
            self.misplaced.insert(rip);
        }
        let planted = self.plant.site(rip).is_some();
        match decode::classify(&instruction) {
            Class::Watched(kind) => {
                if !planted {
                    self.unplanted.insert(rip);
                }
                let site = Site {
                    rip,
                    kind,
                    instruction,
                };
                self.events
                    .push(emulate::step_over(cpu, &self.plant, &site));
                true
            }
            Class::Unsupported => {
                self.unplanted.insert(rip);
                false
            }
            Class::Other => false,
        }
    }
}
