//! Hammers the driver through several devices and threads at once, and checks what it answers, what
//! it counts, and what is in the files.

mod audit;
mod share;
mod tally;
mod worker;

pub use tally::{Disagreement, Tally};

use crate::{
    client::{Coded, Device, Platform},
    scratch::Scratch,
};
use share::Ended;
use std::{
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};
use worker::Worker;

/// Bytes of each file that one thread has for itself.
pub const SHARE: u64 = 64 << 10;
/// The most threads.
pub const MAX_THREADS: u64 = 16;
/// The most files: each thread has a handle, and maybe a log and a token, of each.
pub const MAX_FILES: u64 = 32;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Each thread's operations follow from it and from the thread's number.
    pub seed: u64,
    /// Threads, each with a device of its own.
    pub threads: u64,
    /// The files, which every thread uses; see [`Plan::file_bytes`].
    pub files: Vec<String>,
}

/// What was done, and what was wrong.
#[derive(Debug, Default)]
pub struct Report {
    /// Everything that was done.
    pub tally: Tally,
    /// What should not be.
    pub disagreements: Vec<Disagreement>,
}

impl Plan {
    /// The size that each of the files has.
    pub fn file_bytes(&self) -> u64 {
        self.threads * SHARE
    }

    /// Does it on new files, as long as `goes_on`, which is told the number of operations.
    pub fn run<P: Platform>(
        &self,
        platform: &P,
        files: &[Scratch<P>],
        goes_on: impl Fn(u64) -> bool,
    ) -> Report
    where
        P::Error: Coded,
    {
        /// How often the end is looked for.
        const LOOK: Duration = Duration::from_millis(20);
        let (stopped, operations) = (AtomicBool::new(false), AtomicU64::new(0));
        let before = Device::open(platform.clone()).and_then(|device| device.statistics());
        let results: Vec<_> = thread::scope(|scope| {
            let workers = (0..self.threads).map(|number| {
                let (stopped, operations) = (&stopped, &operations);
                scope.spawn(move || {
                    let done = self.work(platform, number, stopped, operations);
                    // What comes behind a disagreement tells nothing.
                    stopped.store(stopped.load(Relaxed) || done.is_err(), SeqCst);
                    done
                })
            });
            let workers: Vec<_> = workers.collect();
            while !stopped.load(SeqCst) && goes_on(operations.load(Relaxed)) {
                thread::sleep(LOOK);
            }
            stopped.store(true, SeqCst);
            let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join();
            workers.into_iter().map(join).collect()
        });
        let mut report = Report::default();
        let mut ended = Vec::new();
        for result in results {
            match result {
                Ok(Ok((tally, shares))) => {
                    report.tally.add(&tally);
                    ended.extend(shares);
                }
                Ok(Err(disagreement)) => report.disagreements.push(disagreement),
                Err(_) => report
                    .disagreements
                    .push(Disagreement::new("a thread panicked")),
            }
        }
        if report.disagreements.is_empty() {
            let checked = before.map_err(Disagreement::from).and_then(|before| {
                audit::check(self, platform, files, &before, &report.tally, &ended)
            });
            match checked {
                Ok(found) => report.disagreements = found,
                Err(failure) => report.disagreements.push(failure.at("at the end")),
            }
        }
        report
    }

    fn work<P: Platform>(
        &self,
        platform: &P,
        number: u64,
        stopped: &AtomicBool,
        operations: &AtomicU64,
    ) -> Result<(Tally, Vec<Ended>), Disagreement>
    where
        P::Error: Coded,
    {
        let mut worker = Worker::new(self, platform, number)?;
        while !stopped.load(Relaxed) {
            worker.step()?;
            operations.fetch_add(1, Relaxed);
        }
        worker.end()
    }
}
