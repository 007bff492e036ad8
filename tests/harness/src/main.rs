//! daxctl: replays storage traces on daxflush.sys and shows what was flushed.

use clap::{Parser, Subcommand};
use daxctl::report::{Report, table};
use std::{path::PathBuf, process::ExitCode};

/// Exercises daxflush.sys: on Linux in the simulated NT kernel.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replay a storage trace on the driver, cutting the power on the way
    ///
    /// Exit status: 0 if the driver did all it promises; 1 if bytes were lost, the counts of
    /// flushed lines differ, or a rule was broken; 2 if the trace or the driver cannot be used.
    Replay {
        /// The trace, plain or gzip
        trace: PathBuf,
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
        /// How often to cut the power
        #[arg(long, value_name = "N", default_value_t = 0)]
        power_cuts: u64,
        /// Chooses where the power is cut and what survives
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        /// The driver
        #[arg(
            long,
            value_name = "FILE",
            env = "DAXFLUSH_SYS",
            default_value = "target/driver/daxflush.sys"
        )]
        driver: PathBuf,
        /// Flush the file in the middle of every N-th write, as another processor may
        #[arg(long, value_name = "N", default_value_t = 0)]
        interleave: u64,
    },
    /// Show the JSON results of replays side by side
    Table {
        /// Results of `daxctl replay --json`
        #[arg(required = true)]
        results: Vec<PathBuf>,
    },
}

/// The trace, a result or the driver cannot be used.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Replay {
            trace,
            json,
            power_cuts,
            seed,
            driver,
            interleave,
        } => replay(&trace, json, power_cuts, seed, driver, interleave),
        Command::Table { results } => show(&results),
    };
    done.unwrap_or_else(|error| {
        eprintln!("daxctl: {error}");
        ExitCode::from(BAD_INPUT)
    })
}

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn replay(
    trace: &std::path::Path,
    json: bool,
    power_cuts: u64,
    seed: u64,
    driver: PathBuf,
    interleave: u64,
) -> Outcome {
    use daxctl::replay::{Options, replay};
    let read = daxctl::trace::read(trace)?;
    let bar = progress_bar(read.steps.len());
    let options = Options {
        driver,
        power_cuts,
        seed,
        interleave,
    };
    let result = replay(&read, &options, &mut |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let report = result?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", table(std::slice::from_ref(&report)));
    }
    let faults = report.faults();
    if faults.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    faults.iter().for_each(|fault| eprintln!("daxctl: {fault}"));
    eprintln!(
        "daxctl: to see it again: daxctl replay {} --power-cuts {power_cuts} --seed {seed} \
         --interleave {interleave} --driver {}",
        trace.display(),
        options.driver.display(),
    );
    Ok(ExitCode::FAILURE)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn replay(_: &std::path::Path, _: bool, _: u64, _: u64, _: PathBuf, _: u64) -> Outcome {
    Err("replay needs the simulator, which runs on Linux on x86-64".into())
}

/// Shown on a terminal only.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn progress_bar(steps: usize) -> indicatif::ProgressBar {
    let style = "{elapsed} [{bar:40}] {human_pos}/{human_len} operations, {eta} left";
    let style = indicatif::ProgressStyle::with_template(style);
    let bar = indicatif::ProgressBar::new(steps as u64);
    style.map_or(bar.clone(), |style| {
        bar.with_style(style.progress_chars("=> "))
    })
}

fn show(results: &[PathBuf]) -> Outcome {
    let read = |path: &PathBuf| -> Result<Report, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is no replay's result: {error}", path.display()))
    };
    let reports = results.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    println!("{}", table(&reports));
    Ok(ExitCode::SUCCESS)
}
