//! How often the instructions of an image were executed.

use std::collections::{BTreeMap, HashMap};

use crate::image;

/// Executions by the address of the instruction. A repeated string instruction counts once, however
/// many iterations it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    times: HashMap<usize, u64>,
    /// The instruction that the thread's last step was at, if it was in the image.
    last: Option<usize>,
}

impl Executed {
    /// The instruction at `rip` is next. Each iteration of a repeated one is a step of its own.
    pub(super) fn step_at(&mut self, rip: usize) {
        if self.last.replace(rip) != Some(rip) {
            *self.times.entry(rip).or_default() += 1;
        }
    }

    /// An instruction outside of the image is next.
    pub(super) fn step_elsewhere(&mut self) {
        self.last = None;
    }

    /// Adds what another thread has executed.
    pub fn add(&mut self, other: &Executed) {
        for (rip, times) in &other.times {
            *self.times.entry(*rip).or_default() += times;
        }
    }

    /// All of them.
    pub fn instructions(&self) -> u64 {
        self.times.values().sum()
    }

    /// Addresses, ascending, and how often they were executed.
    pub fn by_address(&self) -> BTreeMap<usize, u64> {
        self.times
            .iter()
            .map(|(rip, times)| (*rip, *times))
            .collect()
    }

    /// Functions of the image, those with the most instructions first. Code that has no name is one
    /// function.
    pub fn by_function(&self) -> Vec<(String, u64)> {
        self.by(image::function)
    }

    /// The same by functions of the source: an inlined one has its own instructions.
    pub fn by_source(&self) -> Vec<(String, u64)> {
        self.by(image::source_function)
    }

    fn by(&self, name: impl Fn(usize) -> Option<String>) -> Vec<(String, u64)> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for (rip, times) in &self.times {
            let name = name(*rip).unwrap_or_else(|| "?".into());
            *sums.entry(name).or_default() += times;
        }
        let mut sorted: Vec<_> = sums.into_iter().collect();
        sorted.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        sorted
    }
}
