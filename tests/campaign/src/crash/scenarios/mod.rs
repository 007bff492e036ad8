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
    use crate::{
        Failure,
        crash::{
            explore::Explorer,
            marks::{Mark, Recording},
        },
    };
    use daxflush_system_tests::driver;
    use ntsim::{JournalEntry, Journaled};

    fn record(run: impl FnOnce(&mut Session) -> Outcome) -> (Recording, Outcome) {
        let mut session = Session::start(&driver(), 3).expect("the driver loads");
        let recovery = run(&mut session);
        (session.end(), recovery)
    }

    /// What is wrong with a program on the shipped driver.
    pub fn found(run: impl FnOnce(&mut Session) -> Outcome) -> Option<Failure> {
        let (recording, recovery) = record(run);
        Explorer::new(&recording, recovery.as_deref(), 3)
            .run()
            .failure
    }

    /// As if the driver had left out one instruction, each in its turn.
    #[test]
    fn no_flush_and_no_fence_can_be_left_out() {
        for name in ["failures", "overlap", "close"] {
            let scenario = by_name(name).expect("a scenario");
            let (recording, _) = record(scenario.run);
            // The simulator's image has what is left out, and would tell by itself.
            let is_kept = |entry: &JournalEntry| match entry {
                JournalEntry::Mark(mark) => {
                    !matches!(recording.marks[*mark as usize], Mark::Durable { .. })
                }
                _ => true,
            };
            let journal = recording.journal.iter();
            let journal: Vec<_> = journal.filter(|one| is_kept(&one.entry)).collect();
            let mut left_out = 0;
            for (at, journaled) in journal.iter().enumerate() {
                let (JournalEntry::Flush { .. } | JournalEntry::Fence { .. }) = journaled.entry
                else {
                    continue;
                };
                left_out += 1;
                let others = journal.iter().enumerate().filter(|(other, _)| *other != at);
                let without = Recording {
                    journal: others.map(|(_, one)| Journaled::clone(one)).collect(),
                    marks: recording.marks.clone(),
                    symbols: recording.symbols.clone(),
                };
                let explored = Explorer::new(&without, None, 3).run();
                let failure = explored
                    .failure
                    .unwrap_or_else(|| panic!("{name}: entry {at} can be left out: {journaled:?}"));
                assert!(failure.title.starts_with("P1"), "{failure}");
            }
            assert!(left_out > 40, "{name}: {left_out}");
        }
    }

    #[test]
    fn names_are_names() {
        for scenario in ALL {
            let same = ALL.iter().filter(|other| other.name == scenario.name);
            assert_eq!(same.count(), 1, "{}", scenario.name);
        }
    }
}
