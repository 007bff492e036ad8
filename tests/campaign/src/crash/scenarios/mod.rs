//! Programs on the driver, each recorded once and then explored.

mod commits;
mod copy_on_write;
mod data;
mod mapped;
mod places;
mod traces;
mod wal;

use super::{effort::Effort, image::Recovery, session::Session};

/// What a scenario leaves for the exploration: how its program recovers, if it can.
pub type Outcome = Option<Box<dyn Recovery>>;

/// A program.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Does it.
    pub run: fn(&mut Session) -> Outcome,
    /// How much of what is possible is tried.
    pub effort: Effort,
}

const fn scenario(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Session) -> Outcome,
) -> Scenario {
    let effort = Effort::FULL;
    Scenario {
        name,
        about,
        run,
        effort,
    }
}

const fn trace(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Session) -> Outcome,
) -> Scenario {
    let effort = Effort::TRACE;
    Scenario {
        effort,
        ..scenario(name, about, run)
    }
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    scenario(
        "wal",
        "a write-ahead log with checkpoints, by WriteFile and FlushFileBuffers; recovers",
        wal::run,
    ),
    scenario(
        "copy-on-write",
        "pages and two roots through a view, reported; recovers",
        copy_on_write::reported,
    ),
    scenario(
        "copy-on-write-log",
        "the same with a dirty log; recovers",
        copy_on_write::logged,
    ),
    scenario(
        "copy-on-write-faults",
        "the same with first-write tracking; recovers",
        copy_on_write::tracked,
    ),
    scenario(
        "copy-on-write-untold",
        "the same, and nobody tells of the stores; recovers",
        copy_on_write::untold,
    ),
    scenario(
        "write-through",
        "writes that are durable when they return",
        data::through,
    ),
    scenario("mdl", "MDL writes, by IRP and by fast I/O", data::mdl),
    scenario(
        "tokens",
        "writes, fills and flushes through tokens",
        data::tokens,
    ),
    scenario(
        "overlap",
        "the same lines again and again between commits",
        data::overlap,
    ),
    scenario(
        "sizes",
        "truncated, extended, deleted and made again",
        data::sizes,
    ),
    scenario("ranges", "commits of ranges", commits::ranges),
    scenario(
        "two-files",
        "commits without a drain, and one drain",
        commits::two_files,
    ),
    scenario("volume", "flushes of the volume", commits::volume),
    scenario(
        "close",
        "the end of the last handle commits",
        commits::close,
    ),
    scenario(
        "failures",
        "commits that fail, and the next ones",
        commits::failures,
    ),
    scenario(
        "race-before",
        "a commit between a write's pre-operation and its data",
        places::before,
    ),
    scenario(
        "race-after",
        "a commit between a write's data and its post-operation",
        places::after,
    ),
    scenario(
        "meanwhile",
        "stores through a view in the middle of commits",
        places::meanwhile,
    ),
    scenario(
        "writes-meanwhile",
        "writes in the middle of commits",
        places::writes_meanwhile,
    ),
    scenario(
        "two-processors",
        "commits begun on two processors, and one end",
        commits::two_processors,
    ),
    scenario(
        "mapped",
        "stores here and there through a view, reported",
        mapped::reported,
    ),
    scenario(
        "detach",
        "a detach, an attach and an unload commit",
        commits::detach,
    ),
    trace(
        "sqlite-wal",
        "the beginning of a trace of SQLite, write-ahead log",
        traces::sqlite_wal,
    ),
    trace(
        "sqlite-rollback",
        "the same, rollback journal",
        traces::sqlite_rollback,
    ),
    trace(
        "lmdb",
        "the beginning of a trace of LMDB, writable map, dirty log",
        traces::lmdb,
    ),
];

/// A scenario by its name.
pub fn by_name(name: &str) -> Option<Scenario> {
    ALL.iter().find(|scenario| scenario.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, crash::explore::Explorer};
    use daxflush_system_tests::driver;

    /// What is wrong with a program on the shipped driver.
    pub fn found(run: impl FnOnce(&mut Session) -> Outcome) -> Option<Failure> {
        let mut session = Session::start(&driver(), 3).expect("the driver loads");
        let recovery = run(&mut session);
        let recording = session.end();
        Explorer::new(&recording, recovery.as_deref(), 3)
            .run()
            .failure
    }

    #[test]
    fn names_are_names() {
        for scenario in ALL {
            let same = ALL.iter().filter(|other| other.name == scenario.name);
            assert_eq!(same.count(), 1, "{}", scenario.name);
        }
    }
}
