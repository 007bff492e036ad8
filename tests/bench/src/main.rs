//! Benchmarks. Everything is measured as a ratio within one run: contenders take turns, round by
//! round and in random order, on the same memory. (The usual frameworks run one contender after the
//! other, so that a noisy machine favours one of them.)

mod machine;
mod measure;
mod memory;
mod nvmem;
mod pmem;
mod report;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Measures daxflush against its peers. Run it with --release, on an idle machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// The flush routines against libpmem and the bare instructions.
    Nvmem(Options),
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Where the results go: nvmem.json, nvmem.svg and nvmem.txt.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Rounds of each measurement. Every contender runs once a round.
    #[arg(long, default_value_t = 101, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    rounds: u32,
    /// The largest region, in MiB.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    largest: u32,
    /// Seed of the scattered addresses and of the order of the contenders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the results as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Exit with 1 if a promised ratio does not hold.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let Benchmark::Nvmem(options) = Arguments::parse().benchmark;
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(u8::from(options.check)),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every promise holds.
fn run(options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    if cfg!(debug_assertions) {
        eprintln!("bench: this is not a release build; the figures mean nothing");
    }
    let results = nvmem::run(options)?;
    let promises = results.promises();
    report::write(&options.out, &results, &promises)?;
    if options.json {
        println!("{}", report::json(&results, &promises)?);
    } else {
        println!("{}", report::text(&results, &promises));
        eprintln!("results: {}/nvmem.{{json,svg,txt}}", options.out.display());
    }
    Ok(promises.iter().all(|promise| promise.holds != Some(false)))
}
