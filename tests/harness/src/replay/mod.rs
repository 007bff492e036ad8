//! Replaying a trace on the shipped driver in the simulator.

mod cuts;
mod observer;
mod run;

pub use observer::{Commit, Observer};
pub use run::{replay, replay_observed};

use crate::{client::ClientError, mapped::Mapped};
use std::path::PathBuf;

/// How to replay.
#[derive(Clone, Debug)]
pub struct Options {
    /// The driver.
    pub driver: PathBuf,
    /// How often the power is cut.
    pub power_cuts: u64,
    /// Where, and what survives.
    pub seed: u64,
    /// Flushes the file between the pre-operation and the storing of every so many writes, as
    /// another processor may; 0 for never.
    pub interleave: u64,
    /// How stores through views are recorded.
    pub mapped: Mapped,
    /// Entries of each dirty log, with [`Mapped::Log`]; a power of two from
    /// [`MIN_LOG_ENTRIES`](daxflush_protocol::MIN_LOG_ENTRIES) to
    /// [`MAX_LOG_ENTRIES`](daxflush_protocol::MAX_LOG_ENTRIES).
    pub log_entries: u32,
}

/// Why a replay could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no driver to replay on.
    #[error("{} is missing; build it with scripts/build-driver, or name one with --driver", .0.display())]
    NoDriver(PathBuf),
    /// The machine or the driver could not be started or stopped.
    #[error("{driver}: {source}", driver = driver.display())]
    Driver {
        /// The driver.
        driver: PathBuf,
        /// Why.
        source: ntsim::SimError,
    },
    /// An operation of the trace failed.
    #[error("line {line} of the trace: {what} failed: {error}")]
    Operation {
        /// The trace's line; 0 outside of it.
        line: usize,
        /// The operation.
        what: &'static str,
        /// What it failed with.
        error: ClientError<ntsim::NtStatus>,
    },
}
