//! Programs of two to four threads on one machine.

mod commits;
mod control;
mod leaving;

use super::machine::Machine;
use ntsim::{Program, SimOptions};

/// Threads on a machine.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What the threads do.
    pub about: &'static str,
    /// What the machine is like.
    pub options: fn() -> SimOptions,
    /// What the driver's settings are.
    pub settings: &'static [(&'static str, u32)],
    /// Each flush of a line can be held against a write.
    pub exact: bool,
    /// How many threads there are.
    pub count: usize,
    /// Prepares the machine and makes its threads.
    pub threads: fn(&Machine) -> Vec<Program>,
}

const fn scenario(
    name: &'static str,
    about: &'static str,
    count: usize,
    threads: fn(&Machine) -> Vec<Program>,
) -> Scenario {
    Scenario {
        name,
        about,
        options: SimOptions::default,
        settings: &[],
        exact: true,
        count,
        threads,
    }
}

const fn inexact(scenario: Scenario) -> Scenario {
    Scenario {
        exact: false,
        ..scenario
    }
}

/// Post-operations of writes come in another thread, at PASSIVE_LEVEL.
fn in_other_thread() -> SimOptions {
    SimOptions {
        post_write_at_dispatch: false,
        post_write_in_other_thread: true,
        ..SimOptions::default()
    }
}

/// The same at DISPATCH_LEVEL.
fn in_other_thread_at_dispatch() -> SimOptions {
    SimOptions {
        post_write_in_other_thread: true,
        ..SimOptions::default()
    }
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    scenario(
        "write-commit",
        "writes and commits of the same lines",
        2,
        commits::write_commit,
    ),
    scenario(
        "group-commit",
        "two threads that write and commit the same stream",
        2,
        commits::group_commit,
    ),
    scenario(
        "three-commits",
        "three commits at once, of a range, of all and by a volume flush",
        3,
        commits::three_commits,
    ),
    Scenario {
        options: in_other_thread,
        ..scenario(
            "post-elsewhere",
            "writes whose post-operations come in another thread, and commits",
            2,
            commits::write_commit,
        )
    },
    Scenario {
        options: in_other_thread_at_dispatch,
        ..scenario(
            "post-at-dispatch",
            "the same at DISPATCH_LEVEL",
            2,
            commits::write_commit,
        )
    },
    inexact(Scenario {
        options: in_other_thread_at_dispatch,
        ..scenario(
            "write-through",
            "writes that are durable when they complete, which worker threads see to, and commits",
            3,
            commits::write_through,
        )
    }),
    inexact(scenario(
        "truncate",
        "a commit, and the file becomes shorter and longer",
        2,
        commits::truncate,
    )),
    inexact(scenario(
        "conflict",
        "commits, and flushes that purge the file's sections",
        3,
        commits::conflict,
    )),
    scenario(
        "two-creates",
        "two threads open the same new file",
        2,
        commits::two_creates,
    ),
    scenario(
        "close",
        "the last handle is closed while the file is committed by a request",
        2,
        commits::close,
    ),
    inexact(scenario(
        "volume",
        "flushes of the volume, while files are written, committed, made shorter and closed",
        3,
        commits::volume,
    )),
    inexact(Scenario {
        settings: &[("MaxViews", 1)],
        ..scenario(
            "one-view",
            "commits of two files, of which only one can be mapped",
            2,
            commits::two_files,
        )
    }),
    scenario(
        "begin-drain",
        "commits without a drain, and drains",
        3,
        control::begin_drain,
    ),
    inexact(scenario(
        "view",
        "stores through a view, reported, and commits",
        2,
        control::view,
    )),
    inexact(scenario(
        "log",
        "a dirty log is appended to, committed and closed",
        2,
        control::log,
    )),
    inexact(scenario(
        "token",
        "flushes and writes by token, while the file is written and closed",
        2,
        control::token,
    )),
    inexact(scenario(
        "settings",
        "settings change while files are written and committed",
        3,
        control::settings,
    )),
    inexact(scenario(
        "detach",
        "a detachment and a new attachment, while a file is written and committed",
        3,
        leaving::detach,
    )),
    inexact(scenario(
        "unload",
        "an unload and a load, while a file is written and committed",
        3,
        leaving::unload,
    )),
];

/// A scenario by its name.
pub fn by_name(name: &str) -> Option<Scenario> {
    ALL.iter().find(|scenario| scenario.name == name).copied()
}

/// A thread.
fn thread(name: &str, machine: &Machine, work: impl FnOnce(&Machine) + Send + 'static) -> Program {
    let machine = machine.clone();
    (name.to_owned(), Box::new(move || work(&machine)))
}
