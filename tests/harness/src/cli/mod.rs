//! The command line: what is asked, of which machine, and how it is answered.

mod failure;
mod number;
mod output;
mod own_file;
mod site;

mod bench;
mod completions;
mod files;
mod lists;
mod progress;
mod record;
mod replay;
mod report;
mod self_test;
mod settings;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod simulate;
mod status;
mod stress;
mod timed;
mod tokens;
mod trace;
mod watch;

use clap::{ColorChoice, Parser, Subcommand};
use failure::Outcome;
pub use failure::{BAD_INPUT, DENIED, Failure};
use std::{path::PathBuf, process::ExitCode};

/// Looks at daxflush.sys, makes files on persistent memory durable, and tests the driver.
///
/// On Windows the commands act on the driver that is loaded. On Linux they act on a simulated machine
/// with the same driver: one that `daxctl simulate` serves, or a private one (--sim private).
///
/// Exit status: 0 done; 1 the driver did not do what it promises, or a check failed; 2 bad usage or
/// input, no driver, or the driver refused; 3 access denied.
#[derive(Parser)]
#[command(name = "daxctl", version, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
struct Common {
    /// Print JSON instead of text for people
    #[arg(long, global = true)]
    json: bool,
    /// When to use colours; NO_COLOR turns them off too
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// The simulated machine: the socket that `daxctl simulate` serves, or `private` for one that lives
    /// as long as the command, after a short workload
    #[arg(long, global = true, value_name = "SOCKET", env = "DAXFLUSH_SIM")]
    sim: Option<PathBuf>,
    /// The driver for a simulated machine
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "DAXFLUSH_SYS",
        default_value = "target/driver/daxflush.sys"
    )]
    driver: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Show what the driver is, its counters, and how long commits take
    Status(status::Arguments),
    /// List the volumes that the filter is attached to
    Volumes,
    /// List the files that are tracked; for administrators
    Streams(lists::StreamsArguments),
    /// Make files durable
    Commit(files::CommitArguments),
    /// Report ranges of a file that were stored to through a view
    Mark(files::MarkArguments),
    /// Flush, write and fill a region of a file through a token
    Tokens(tokens::Arguments),
    /// Show settings, or change one; changing is for administrators
    Settings(settings::Arguments),
    /// Let the driver test its flush engine; for administrators
    Selftest,
    /// Watch the driver at work on a screen
    Watch(watch::Arguments),
    /// Make a page with plots of a replay, or of the driver at work
    Report(report::Arguments),
    /// Measure how long requests take
    Bench(bench::Arguments),
    /// Hammer the driver through several threads, and check what it answers and counts
    Stress(stress::Arguments),
    /// Show the driver's events as they come
    Trace(trace::Arguments),
    /// Record what a program does to its files (Linux), or what the driver tells of (Windows), as a
    /// storage trace
    Record(record::Arguments),
    /// Replay a storage trace on the driver, cutting the power on the way
    Replay(replay::Arguments),
    /// Show the JSON results of replays side by side
    Table(replay::TableArguments),
    /// Run a simulated machine that other commands can act on
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Simulate(simulate::Arguments),
    /// Write a script that completes commands in a shell
    Completions(completions::Arguments),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    output::set_color(arguments.common.color);
    act(arguments).unwrap_or_else(|failure| failure.show())
}

fn act(Arguments { common, command }: Arguments) -> Outcome {
    match command {
        Command::Status(arguments) => site::visit(&common, arguments),
        Command::Volumes => site::visit(&common, lists::Volumes),
        Command::Streams(arguments) => site::visit(&common, arguments),
        Command::Commit(arguments) => site::visit(&common, arguments),
        Command::Mark(arguments) => site::visit(&common, arguments),
        Command::Tokens(arguments) => site::visit(&common, arguments),
        Command::Settings(arguments) => site::visit(&common, arguments),
        Command::Selftest => site::visit(&common, self_test::SelfTest),
        Command::Watch(arguments) => site::visit(&common, arguments),
        Command::Report(arguments) => report::run(&common, arguments),
        Command::Bench(arguments) => site::visit(&common, arguments),
        Command::Stress(arguments) => site::visit(&common, arguments),
        Command::Trace(arguments) => site::visit(&common, arguments),
        Command::Record(arguments) => record::record(&common, arguments),
        Command::Replay(arguments) => replay::replay(&common, arguments),
        Command::Table(arguments) => replay::show(&arguments),
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        Command::Simulate(arguments) => simulate::run(&common, arguments),
        Command::Completions(arguments) => completions::write(&arguments),
    }
}
