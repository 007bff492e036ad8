//! Threads under controlled interleaving: host threads that run one at a time. At each call of a kernel
//! routine, each flush and fence, and where the file system acts, a policy chooses who goes on.
//!
//! What threads do between two points is not interleaved. A thread that waits can run again when
//! something happened that may end its wait; if nobody can run, that is a deadlock.

mod policy;
mod threads;

pub use policy::{NoSchedule, Policy, Preemptions, Switches};
pub(crate) use threads::{Baton, Wait, another, baton, delay, point, so_far, wait, wake};

use crate::Sim;
use policy::Chooser;
use std::collections::HashMap;
use threads::Schedule;

/// How threads are scheduled.
#[derive(Clone, Debug)]
pub struct ScheduleOptions {
    /// What choices follow from.
    pub seed: u64,
    /// Who runs when.
    pub policy: Policy,
    /// Points after which the threads are held for endless.
    pub most_points: u64,
}

impl Default for ScheduleOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            policy: Policy::Random { percent: 20 },
            most_points: 100_000,
        }
    }
}

/// A thread's name and what it does.
pub type Program = (String, Box<dyn FnOnce() + Send>);

/// A point that a thread has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulePoint {
    /// From 0; system worker threads come after the programs.
    pub thread: usize,
    /// The kernel routine, or what else it was.
    pub what: &'static str,
    /// Where the driver called it; empty if it did not.
    pub caller: String,
}

/// What a schedule was and did.
#[derive(Clone, Debug, Default)]
pub struct ScheduleReport {
    /// All points, in the order in which they were passed.
    pub points: Vec<SchedulePoint>,
    /// Where another thread went on: with [`Policy::Replay`] they give the same again.
    pub switches: Switches,
    /// Why not all threads have ended: a deadlock, or too many points. They wait for ever, and so the
    /// machine must not be used any more; it is never freed.
    pub stuck: Option<String>,
    /// Panics of threads.
    pub panics: Vec<String>,
}

impl Sim {
    /// Runs programs as threads, one at a time. Their panics are reported; a deadlock is a violation,
    /// too.
    ///
    /// # Panics
    /// The host has no threads.
    pub fn schedule(&self, options: &ScheduleOptions, programs: Vec<Program>) -> ScheduleReport {
        ntsim_machine::oracle::set_after_instruction(|| point("(instruction)"));
        let chooser = Chooser::new(options.policy.clone(), options.seed);
        let schedule = Schedule::new(&self.kernel, chooser, options.seed, options.most_points);
        let batons: Vec<_> = programs
            .into_iter()
            .map(|(name, work)| (schedule.add(name), work))
            .collect();
        let threads: Vec<_> = batons
            .into_iter()
            .map(|(baton, work)| std::thread::spawn(move || baton.run(work)))
            .collect();
        let mut inner = schedule.run();
        let mut report = ScheduleReport {
            points: Vec::with_capacity(inner.passed.len()),
            switches: std::mem::take(&mut inner.switches),
            stuck: inner.stuck.clone(),
            panics: std::mem::take(&mut inner.panics),
        };
        let passed = std::mem::take(&mut inner.passed);
        drop(inner);
        let mut names = HashMap::from([(0, String::new())]);
        for passed in passed {
            let name = || ntsim_machine::image::symbolize(passed.caller).unwrap_or_default();
            let caller = names.entry(passed.caller).or_insert_with(name).clone();
            report.points.push(SchedulePoint {
                thread: passed.thread,
                what: passed.what,
                caller,
            });
        }
        if report.stuck.is_none() {
            for thread in threads {
                thread.join().expect("a thread's panic was caught");
            }
        } else {
            // Driver code is on the stacks of threads that wait for ever.
            std::mem::forget(self.clone());
        }
        report
    }
}

/// A point of a program's own at which another thread may go on. Nothing without a schedule.
pub fn scheduling_point(what: &'static str) {
    point(what);
}
