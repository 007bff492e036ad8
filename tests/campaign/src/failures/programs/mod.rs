//! Programs that use everything, and go on whatever fails.

mod control;
mod data;
mod views;
mod volumes;

use super::program::Program;
use crate::crash::session::File;
use ntsim::{SimOptions, VolumeOptions};

/// A program.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The machine.
    pub options: fn() -> SimOptions,
    /// Its volumes. D: is where files are.
    pub volumes: fn() -> Vec<(char, VolumeOptions)>,
    /// Does it, and returns the files whose lines are still to be committed.
    pub run: fn(&mut Program) -> Vec<File>,
}

fn one_volume() -> Vec<(char, VolumeOptions)> {
    vec![('D', VolumeOptions::default())]
}

fn volumes() -> Vec<(char, VolumeOptions)> {
    let dax = false;
    let plain = VolumeOptions {
        dax,
        ..VolumeOptions::default()
    };
    vec![
        ('D', VolumeOptions::default()),
        ('E', VolumeOptions::default()),
        ('F', plain),
    ]
}

/// Post-operations of writes come in another thread.
fn deferred() -> SimOptions {
    SimOptions {
        post_write_in_other_thread: true,
        ..SimOptions::default()
    }
}

/// Sections conflict before the driver knows that it has one.
fn early_conflict() -> SimOptions {
    SimOptions {
        conflict_before_create_returns: Some(1),
        conflict_at_apc: true,
        ..SimOptions::default()
    }
}

const fn scenario(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Program) -> Vec<File>,
) -> Scenario {
    Scenario {
        name,
        about,
        options: SimOptions::default,
        volumes: one_volume,
        run,
    }
}

/// All programs.
pub const ALL: &[Scenario] = &[
    scenario(
        "load",
        "loads, answers what anybody may ask, and unloads",
        control::load,
    ),
    scenario(
        "requests",
        "every request of the control device",
        control::requests,
    ),
    scenario(
        "settings",
        "settings read, changed and stored",
        control::settings,
    ),
    scenario(
        "trace",
        "events written for somebody who listens",
        control::trace,
    ),
    scenario(
        "writes",
        "writes of every kind, flushes of every kind",
        data::writes,
    ),
    Scenario {
        options: deferred,
        ..scenario(
            "deferred",
            "writes whose post-operation comes in another thread",
            data::writes,
        )
    },
    scenario("mdl", "MDL writes, by IRP and by fast I/O", data::mdl),
    scenario(
        "controls",
        "zeroing, block cloning, offloaded writes",
        data::controls,
    ),
    scenario(
        "sizes",
        "truncation, extension, deletion, overwriting",
        data::sizes,
    ),
    scenario(
        "names",
        "renames, hard links, alternate streams",
        data::names,
    ),
    scenario("many", "more files than views", data::many),
    scenario("reports", "stores through a view, reported", views::reports),
    scenario("logs", "stores through a view, logged", views::logs),
    scenario(
        "untold",
        "stores through a view, and nobody tells",
        views::untold,
    ),
    Scenario {
        options: early_conflict,
        ..scenario(
            "conflicts",
            "sections in the way, at a bad moment",
            views::conflicts,
        )
    },
    scenario(
        "tokens",
        "tokens, and everything done with them",
        views::tokens,
    ),
    Scenario {
        volumes,
        ..scenario(
            "volumes",
            "flushed, detached, dismounted and asked to go",
            volumes::volumes,
        )
    },
    Scenario {
        volumes,
        ..scenario(
            "removal",
            "the device goes away by surprise",
            volumes::removal,
        )
    },
    Scenario {
        volumes,
        ..scenario("shutdown", "a shutdown with files open", volumes::shutdown)
    },
    scenario("stop", "a mandatory unload with files open", volumes::stop),
];

/// The program of a name.
pub fn by_name(name: &str) -> Option<Scenario> {
    ALL.iter().copied().find(|scenario| scenario.name == name)
}
