//! `daxctl stress`.

use super::{
    failure::{Failure, Outcome},
    output::{GOOD, grouped, json, say},
    own_file,
    site::{Site, Visit},
    timed::Progress,
};
use crate::{
    client::{Coded, Platform},
    random::mix,
    stress::{MAX_FILES, MAX_THREADS, Plan, Report},
};
use serde::Serialize;
use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Files to make for it, and to delete behind it: -0.tmp and so on is added to the name. On a
    /// simulated machine D:\daxctl-stress if none is named
    file: Option<String>,
    /// For how long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Threads, each with a device of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=MAX_THREADS))]
    threads: u64,
    /// Files, which all threads use
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=MAX_FILES))]
    files: u64,
    /// What each thread does follows from it; else it is another one each time
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Answer {
    seed: u64,
    threads: u64,
    files: u64,
    operations: u64,
    commits: u64,
    refused: u64,
    shared_memory: bool,
    disagreements: Vec<String>,
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let base = own_file::path(self.file, site.simulated, r"D:\daxctl-stress")?;
        let seed = self.seed.unwrap_or_else(new_seed);
        let again = again(self.seed, seed, std::env::args());
        if site.json {
            anstream::eprintln!("daxctl: seed {seed}; to see it again: {again}");
        } else {
            say!("seed {seed}; to see it again: {again}");
        }
        let plan = Plan {
            seed,
            threads: self.threads,
            files: (0..self.files)
                .map(|number| format!("{base}-{number}.tmp"))
                .collect(),
        };
        let create = |path| own_file::create(&site.platform, path, plan.file_bytes());
        let files = plan.files.iter().map(|path| create(path));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let progress = Progress::begin(Duration::from_secs(self.seconds))?;
        let report = plan.run(&site.platform, &files, |operations| {
            progress.goes_on(|| format!("{} operations", grouped(operations)))
        });
        progress.end();
        for (file, path) in files.into_iter().zip(&plan.files) {
            let deleted = file.delete();
            deleted.map_err(|error| Failure::of(format_args!("delete {path}"), &error))?;
        }
        if site.json {
            json(&Answer {
                seed,
                threads: self.threads,
                files: self.files,
                operations: report.tally.operations,
                commits: report.tally.commits(),
                refused: report.tally.refused,
                shared_memory: P::SHARES_MEMORY,
                disagreements: report
                    .disagreements
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            })?;
        } else {
            show(&report, P::SHARES_MEMORY);
        }
        if report.disagreements.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        for disagreement in &report.disagreements {
            anstream::eprintln!("daxctl: {disagreement}");
        }
        anstream::eprintln!("daxctl: to see it again: {again}");
        Ok(ExitCode::FAILURE)
    }
}

fn show(report: &Report, shares_memory: bool) {
    let tally = &report.tally;
    say!(
        "{} operations, {} of them commits; {} wrong requests were refused",
        grouped(tally.operations),
        grouped(tally.commits()),
        grouped(tally.refused)
    );
    if !shares_memory {
        say!("without views and dirty logs, which no socket can share");
    }
    if report.disagreements.is_empty() {
        say!("{GOOD}answers, counters and contents agree; nothing was left dirty{GOOD:#}");
    }
}

fn new_seed() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    // Short enough to be typed.
    mix(u64::from(now.subsec_nanos()) ^ now.as_secs()) % 1_000_000_000
}

/// The same command line, with the seed.
fn again(asked: Option<u64>, seed: u64, arguments: impl Iterator<Item = String>) -> String {
    let mut words: Vec<_> = arguments.skip(1).map(quoted).collect();
    words.insert(0, "daxctl".into());
    if asked.is_none() {
        words.extend(["--seed".into(), seed.to_string()]);
    }
    words.join(" ")
}

fn quoted(word: String) -> String {
    const QUOTE: char = if cfg!(windows) { '"' } else { '\'' };
    let plain = |letter: char| letter.is_alphanumeric() || "-_=./:,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("{QUOTE}{word}{QUOTE}")
    }
}

#[cfg(test)]
mod tests {
    use super::again;

    #[test]
    fn the_command_to_see_it_again_has_the_seed_once() {
        let given = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            words.into_iter()
        };
        let bare = again(None, 7, given(&["x/daxctl", "stress", "D:/a"]));
        assert_eq!(bare, "daxctl stress D:/a --seed 7");
        let whole = again(
            Some(7),
            7,
            given(&["daxctl", "stress", "a b", "--seed", "7"]),
        );
        assert!(
            whole.contains("stress ") && whole.ends_with("--seed 7"),
            "{whole}"
        );
        assert!(
            whole.contains("'a b'") || whole.contains("\"a b\""),
            "{whole}"
        );
    }
}
