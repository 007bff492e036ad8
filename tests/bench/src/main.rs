//! Benchmarks. Everything is measured as a ratio within one run: contenders take turns, round by
//! round and in random order, on the same memory. (The usual frameworks run one contender after the
//! other, so that a noisy machine favours one of them.)
//!
//! A suite is a module with a `pub const SUITE: Suite`, which stands in [`SUITES`]. It runs its
//! comparisons with [`suite::Course::compete`] and returns [`results::Results`]: tables, plots and
//! promises. Everything else is done here.

mod at_once;
mod backing;
mod collect;
mod commit;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod driver;
mod group;
mod growth;
mod host;
mod machine;
mod measure;
mod memory;
mod nvmem;
mod peers;
mod pmem;
mod record;
mod report;
mod results;
mod suite;
mod traces;
mod workloads;

use clap::{Parser, builder::PossibleValuesParser};
use host::Host;
use report::Report;
use std::{error::Error, process::ExitCode};
use suite::{Course, Options, Suite};

const SUITES: &[Suite] = &[
    record::SUITE,
    collect::SUITE,
    commit::SUITE,
    group::SUITE,
    traces::SUITE,
    growth::SUITE,
    nvmem::SUITE,
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    driver::SUITE,
];

/// Measures daxflush against its peers. Run it by scripts/bench, which builds the engine as the driver
/// has it, on an idle machine.
#[derive(Debug, Parser)]
#[command(version, after_help = after_help())]
struct Arguments {
    /// The suites to run; all of them if none is named.
    #[arg(value_parser = PossibleValuesParser::new(SUITES.iter().map(|suite| suite.name)))]
    suites: Vec<String>,
    #[command(flatten)]
    options: Options,
}

fn after_help() -> String {
    let suites = SUITES.iter().map(|suite| {
        let Suite {
            name,
            about,
            rounds,
            ..
        } = suite;
        format!("\n  {name:8} {about} ({rounds} rounds)")
    });
    format!("Suites:{}", suites.collect::<String>())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(u8::from(arguments.options.check)),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every promise holds.
fn run(Arguments { suites, options }: &Arguments) -> Result<bool, Box<dyn Error>> {
    if cfg!(debug_assertions) {
        eprintln!("bench: this is not a release build; the figures mean nothing");
    }
    let host = Host::describe();
    let asked = |suite: &&Suite| suites.is_empty() || suites.iter().any(|name| name == suite.name);
    let mut hold = true;
    let mut printed = Vec::new();
    for suite in SUITES.iter().filter(asked) {
        let mut course = Course::new(suite, options)?;
        let results = (suite.run)(&mut course)?;
        hold &= results.hold();
        let report = Report {
            suite: suite.name,
            about: suite.about,
            host: &host,
            rounds: course.rounds,
            seed: options.seed,
            results: &results,
        };
        drop(course);
        report.write(&options.out)?;
        if options.json {
            printed.push(serde_json::to_value(&report)?);
        } else {
            println!("{}\n", report.text());
            let out = options.out.display();
            eprintln!(
                "results: {out}/{}.{{json,txt}} and {}",
                suite.name,
                pictures(&results)
            );
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&printed)?);
    }
    Ok(hold)
}

fn pictures(results: &results::Results) -> String {
    let names = results
        .pictures
        .iter()
        .map(|picture| format!("{}.svg", picture.name));
    names.collect::<Vec<_>>().join(", ")
}
