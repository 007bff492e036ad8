//! `daxctl replay` and `daxctl table`.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::progress;
use super::{
    Common,
    failure::{Failure, Outcome},
};
use crate::{
    mapped::Mapped,
    report::{Report, table},
};
use daxflush_protocol::{MAX_LOG_ENTRIES, MIN_LOG_ENTRIES};
use std::{path::PathBuf, process::ExitCode};

/// What `daxctl replay` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// The trace, plain or gzip
    trace: PathBuf,
    /// How often to cut the power
    #[arg(long, value_name = "N", default_value_t = 0)]
    power_cuts: u64,
    /// Chooses where the power is cut and what survives
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Flush the file in the middle of every N-th write, as another processor may
    #[arg(long, value_name = "N", default_value_t = 0)]
    interleave: u64,
    /// How the driver learns what is stored through mapped views
    #[arg(long, value_name = "WAY", value_enum, default_value_t)]
    mapped: Mapped,
    /// Ranges that a dirty log holds (--mapped log): a power of two from 64 to 65536. One that does
    /// not fit makes the next commit flush the whole file
    #[arg(long, value_name = "N", default_value_t = MAX_LOG_ENTRIES, value_parser = log_entries)]
    log_entries: u32,
}

/// What `daxctl table` takes.
#[derive(clap::Args)]
pub struct TableArguments {
    /// Results of `daxctl replay --json`
    #[arg(required = true)]
    results: Vec<PathBuf>,
}

fn log_entries(text: &str) -> Result<u32, String> {
    let entries = text.parse().ok().filter(|entries: &u32| {
        entries.is_power_of_two() && (MIN_LOG_ENTRIES..=MAX_LOG_ENTRIES).contains(entries)
    });
    entries.ok_or_else(|| format!("not a power of two from {MIN_LOG_ENTRIES} to {MAX_LOG_ENTRIES}"))
}

/// Replays the trace.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn replay(common: &Common, arguments: Arguments) -> Outcome {
    use crate::replay::{Options, replay};
    let read = crate::trace::read(&arguments.trace)?;
    let bar = progress::operations(read.steps.len());
    let options = Options {
        driver: common.driver.clone(),
        power_cuts: arguments.power_cuts,
        seed: arguments.seed,
        interleave: arguments.interleave,
        mapped: arguments.mapped,
        log_entries: arguments.log_entries,
    };
    let result = replay(&read, &options, &mut |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let report = result?;
    if common.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", table(std::slice::from_ref(&report)));
    }
    let faults = report.faults();
    if faults.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    faults.iter().for_each(|fault| eprintln!("daxctl: {fault}"));
    let log_entries = match options.mapped {
        Mapped::Log => format!(" --log-entries {}", options.log_entries),
        Mapped::Report | Mapped::Faults | Mapped::Conservative => String::new(),
    };
    eprintln!(
        "daxctl: to see it again: daxctl replay {} --power-cuts {} --seed {} --interleave {} \
         --mapped {}{log_entries} --driver {}",
        arguments.trace.display(),
        options.power_cuts,
        options.seed,
        options.interleave,
        options.mapped,
        options.driver.display(),
    );
    Ok(ExitCode::FAILURE)
}

/// There is no simulator here.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub fn replay(common: &Common, arguments: Arguments) -> Outcome {
    let _ = common;
    Err(Failure::new(format_args!(
        "{} cannot be replayed here: the simulator runs on Linux on x86-64",
        arguments.trace.display()
    )))
}

/// Shows the table.
pub fn show(arguments: &TableArguments) -> Outcome {
    let results = &arguments.results;
    let read = |path: &PathBuf| -> Result<Report, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is no replay's result: {error}", path.display()))
    };
    let reports = results.iter().map(read).collect::<Result<Vec<_>, _>>();
    let reports = reports.map_err(Failure::new)?;
    println!("{}", table(&reports));
    Ok(ExitCode::SUCCESS)
}
