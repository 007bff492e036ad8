//! Suites, and what they run with.

use crate::{
    measure::{self, Contender},
    results::{Comparison, Results},
};
use clap::Args;
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use std::{error::Error, path::PathBuf};

/// A set of measurements with its own tables, plots and promises.
pub struct Suite {
    /// Names the files of its results too.
    pub name: &'static str,
    pub about: &'static str,
    /// Rounds, unless the user says how many.
    pub rounds: u32,
    pub run: fn(&mut Course) -> Result<Results, Box<dyn Error>>,
}

/// How suites are run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the results go: for each suite a .json, a .txt and .svg plots.
    #[arg(long, default_value = "target/bench")]
    pub out: PathBuf,
    /// Rounds of each measurement, instead of as many as the suite thinks are enough. Every contender
    /// runs once a round.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rounds: Option<u32>,
    /// nvmem: the largest region, in MiB.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub largest: u32,
    /// Seed of the scattered addresses and of the order of the contenders.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the results as JSON, an array with an element for each suite, instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Exit with 1 if a promise does not hold.
    #[arg(long)]
    pub check: bool,
}

/// What is measured: see [`Comparison`].
pub struct Case {
    pub workload: &'static str,
    pub name: String,
    pub size: f64,
    pub unit: &'static str,
    /// By which the time of a round is divided.
    pub operations: usize,
    /// One of so many rounds is made, because it takes long and says the same each time.
    pub sparing: usize,
}

/// A suite at work.
pub struct Course {
    pub options: Options,
    pub rounds: usize,
    pub random: Rng,
    progress: ProgressBar,
}

impl Course {
    pub fn new(suite: &Suite, options: &Options) -> Result<Self, Box<dyn Error>> {
        let progress = ProgressBar::new(0).with_prefix(suite.name);
        progress.set_style(ProgressStyle::with_template(
            "{prefix:8} {bar:40} {pos}/{len} {elapsed} {wide_msg}",
        )?);
        Ok(Self {
            rounds: options.rounds.unwrap_or(suite.rounds) as usize,
            random: Rng::with_seed(options.seed),
            options: options.clone(),
            progress,
        })
    }

    /// Tells that so many more comparisons are coming.
    pub fn expect(&self, comparisons: usize) {
        self.progress.inc_length(comparisons as u64);
    }

    /// Something that was told of by [`Self::expect`] and is no comparison is done.
    pub fn step(&self) {
        self.progress.inc(1);
    }

    pub fn compete(&mut self, case: Case, contenders: &mut [Contender<'_>]) -> Comparison {
        self.progress
            .set_message(format!("{}: {}", case.workload, case.name));
        self.progress.tick();
        let rounds = self.rounds.div_ceil(case.sparing.max(1));
        let times = measure::compete(contenders, case.operations, rounds, &mut self.random);
        self.progress.inc(1);
        Comparison {
            workload: case.workload,
            case: case.name,
            size: case.size,
            unit: case.unit,
            times,
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.progress.finish_and_clear();
    }
}

/// A number of bytes, for people.
pub fn bytes(size: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let unit = units.iter().find(|(unit, _)| size >= *unit);
    unit.map_or(format!("{size} B"), |(unit, name)| {
        format!("{} {name}", size / unit)
    })
}

/// So many of something.
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(count))
}

/// A count with its thousands apart.
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bytes, thousands};

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            [1, 999, 1000, 4_194_304].map(thousands),
            ["1", "999", "1,000", "4,194,304"]
        );
        assert_eq!([64, 4096, 1 << 40].map(bytes), ["64 B", "4 KiB", "1 TiB"]);
    }
}
