//! `daxctl bench`.

use super::{
    failure::{Failure, Outcome},
    output::{WARN, grouped, json, say, table, time},
    own_file,
    site::{Site, Visit},
    timed::Progress,
};
use crate::{
    bench::{Bench, FILE_BYTES, Summary, summaries},
    client::{Coded, Platform},
};
use daxflush_protocol::method_name;
use serde::Serialize;
use std::{process::ExitCode, time::Duration};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file to make for it, and to delete behind it: on a DAX volume, not there yet. On a simulated
    /// machine D:\daxctl-bench.tmp if none is named
    file: Option<String>,
    /// For how long
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Of the order of requests within rounds
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

/// What times of a simulated machine are worth.
const SIMULATED: &str = "the times are the simulator's, whose every flush instruction traps: \
                         they say nothing about persistent memory";

#[derive(Serialize)]
struct Answer {
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    method: &'static str,
    rounds: u64,
    requests: Vec<Summary>,
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let path = own_file::path(self.file, site.simulated, r"D:\daxctl-bench.tmp")?;
        let device = site.device()?;
        let failed = |error| Failure::of("bench", &error);
        let file = own_file::create(&site.platform, &path, FILE_BYTES)?;
        let mut bench = Bench::new(&device, &file, self.seed).map_err(failed)?;
        let progress = Progress::begin(Duration::from_secs(self.seconds))?;
        let mut rounds = 0;
        while rounds == 0 || progress.goes_on(|| format!("{} rounds", grouped(rounds))) {
            bench.round().map_err(failed)?;
            rounds += 1;
        }
        progress.end();
        let measured = bench.finish().map_err(failed)?;
        let deleted = file.delete();
        deleted.map_err(|error| Failure::of(format_args!("delete {path}"), &error))?;
        let answer = Answer {
            simulated: site.simulated,
            note: site.simulated.then_some(SIMULATED),
            method: method_name(device.version().method),
            rounds,
            requests: summaries(measured),
        };
        if site.json {
            json(&answer)?;
        } else {
            show(&answer);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(answer: &Answer) {
    let mut shown = table(&["request", "median", "99 % within", "to the first"], 1);
    for request in &answer.requests {
        shown.add_row([
            request.name.clone(),
            time(request.median_ns / 100),
            time(request.p99_ns / 100),
            format!("{:.1} x", request.ratio),
        ]);
    }
    say!("{shown}");
    say!(
        "{} rounds, lines flushed with {}",
        grouped(answer.rounds),
        answer.method
    );
    if let Some(note) = answer.note {
        say!("{WARN}{note}{WARN:#}");
    }
}
