//! Failures on demand: of a routine's nth call, or of any calls that can fail, counted over all of
//! them.

use crate::{Sim, calls, kernel::Kernel};
use ntsim_machine::image::symbolize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A call of a kernel routine that could have failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingPoint {
    /// The routine.
    pub routine: &'static str,
    /// Where the driver called it.
    pub caller: String,
}

#[derive(Default)]
pub(crate) struct Failures(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By routine, how many calls from now the one that fails is.
    nth: HashMap<String, u64>,
    /// Every call that could have failed: its routine, and the caller's address.
    points: Vec<(&'static str, usize)>,
    chosen: BTreeSet<usize>,
    failed: Vec<usize>,
    counting: bool,
}

impl Inner {
    fn nth_fails(&mut self, routine: &str) -> bool {
        match self.nth.get_mut(routine) {
            Some(1) => self.nth.remove(routine).is_some(),
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn point_fails(&mut self, routine: &'static str) -> bool {
        if !self.counting {
            return false;
        }
        let point = self.points.len();
        let caller = calls::caller().unwrap_or_default();
        self.points.push((routine, caller));
        let fails = self.chosen.contains(&point);
        if fails {
            self.failed.push(point);
        }
        fails
    }

    fn told(&self, point: usize) -> Option<FailingPoint> {
        let (routine, caller) = *self.points.get(point)?;
        let caller = symbolize(caller).unwrap_or_default();
        Some(FailingPoint { routine, caller })
    }
}

impl Failures {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel {
    /// Whether this call of a routine is to fail. Each routine that can fail asks once, when nothing
    /// else is wrong with the call.
    pub fn fails(&self, routine: &'static str) -> bool {
        let mut failures = self.failures.lock();
        let point = failures.point_fails(routine);
        failures.nth_fails(routine) || point
    }
}

impl Sim {
    /// Makes the `nth` call (from 1) of a kernel routine from now on fail: an allocation returns
    /// nothing, a status is STATUS_INSUFFICIENT_RESOURCES or another that the routine's page names.
    pub fn fail_nth(&self, routine: &str, nth: u64) {
        self.kernel.failures.lock().nth.insert(routine.into(), nth);
    }

    /// Whether a failure asked for with [`Sim::fail_nth`] has not happened yet.
    pub fn is_failure_pending(&self, routine: &str) -> bool {
        self.kernel.failures.lock().nth.contains_key(routine)
    }

    /// Counts every call that can fail from now on, from 0, and makes these fail.
    pub fn fail_points(&self, points: &[usize]) {
        let mut failures = self.kernel.failures.lock();
        failures.counting = true;
        failures.points.clear();
        failures.failed.clear();
        failures.chosen = points.iter().copied().collect();
    }

    /// The calls that were counted.
    pub fn failing_points(&self) -> Vec<FailingPoint> {
        let failures = self.kernel.failures.lock();
        let points = 0..failures.points.len();
        points.filter_map(|point| failures.told(point)).collect()
    }

    /// How many calls were counted.
    pub fn count_failing_points(&self) -> usize {
        self.kernel.failures.lock().points.len()
    }

    /// The calls that were made to fail, with their numbers.
    pub fn failed_points(&self) -> Vec<(usize, FailingPoint)> {
        let failures = self.kernel.failures.lock();
        let failed = failures.failed.iter();
        failed
            .filter_map(|point| Some((*point, failures.told(*point)?)))
            .collect()
    }
}
