//! The campaign: all single failures, then random pairs, each run in a process of its own.

use super::{
    child::{self, Answer, Run},
    one::run_one,
    programs::{self, Scenario},
};
use crate::{Failure, Figures};
use daxctl::random::Random;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeSet,
    io::IsTerminal,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Fails every call of the driver that can fail, one at a time and then two, in every program.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The program; --list names them.
    #[arg(long, default_value = "all")]
    pub scenario: String,
    /// Chooses the pairs.
    #[arg(long, default_value_t = 1, value_parser = crate::seed::parse)]
    pub seed: u64,
    /// Random pairs for each program.
    #[arg(long, default_value_t = 40)]
    pub pairs: usize,
    /// Only every so many single failures.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub every: u64,
    /// The driver, instead of the shipped one.
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// Makes one run, with these calls failing, as the page of a failure names them.
    #[arg(long, value_delimiter = ',')]
    pub points: Option<Vec<usize>>,
    /// Answers the campaign that started it.
    #[arg(long, hide = true)]
    pub child: bool,
    /// Lists the programs.
    #[arg(long)]
    pub list: bool,
}

/// The programs, one a line.
pub fn list() -> String {
    let lines = programs::ALL
        .iter()
        .map(|scenario| format!("{:12}{}\n", scenario.name, scenario.about));
    lines.collect()
}

fn chosen(name: &str) -> Result<Vec<Scenario>, String> {
    if name == "all" {
        return Ok(programs::ALL.to_vec());
    }
    let found = programs::by_name(name);
    let found = found.ok_or_else(|| format!("there is no scenario {name}: --list names them"))?;
    Ok(vec![found])
}

/// Runs the campaign and returns its figures.
///
/// # Errors
/// Bad usage, or no driver.
pub fn run(arguments: &Arguments) -> Result<Figures, String> {
    let scenarios = chosen(&arguments.scenario)?;
    let driver = arguments.driver.clone();
    let driver = driver.unwrap_or_else(daxflush_system_tests::driver);
    if let Some(points) = &arguments.points {
        let [scenario] = scenarios[..] else {
            return Err("--points needs --scenario NAME".into());
        };
        let run = Run {
            scenario,
            driver,
            seed: arguments.seed,
            points: points.clone(),
        };
        return Ok(child::answer(&run, arguments.child));
    }
    let mut figures = Figures::new("failures");
    let mut runs = Vec::new();
    let (mut points, mut places) = (0, BTreeSet::new());
    for scenario in scenarios {
        let clean = run_one(scenario, &driver, arguments.seed, &[]);
        let clean = clean.map_err(|error| format!("{}: {error}", driver.display()))?;
        let count = clean.points.len();
        points += count;
        places.extend(
            clean
                .points
                .into_iter()
                .map(|point| (point.routine, point.caller)),
        );
        let run = |points: Vec<usize>| Run {
            scenario,
            driver: driver.clone(),
            seed: arguments.seed,
            points,
        };
        if let Some(failure) = clean.failure {
            figures.failures.push(run(Vec::new()).page(failure));
        }
        runs.extend(
            (0..count)
                .step_by(arguments.every as usize)
                .map(|point| run(vec![point])),
        );
        let mut random = Random::new(arguments.seed, 0xfa11);
        for _ in 0..arguments.pairs.min(count * count) {
            let mut pair = [0; 2].map(|_| random.below(count as u64) as usize);
            pair.sort_unstable();
            runs.push(run(pair.to_vec()));
        }
    }
    let answers = run_all(&runs);
    let single = runs.iter().filter(|run| run.points.len() == 1).count();
    figures.count("calls that can fail, in all programs", points as u64);
    figures.count("places of the driver that make them", places.len() as u64);
    figures.count("runs with one failure", single as u64);
    figures.count("runs with two failures", (runs.len() - single) as u64);
    let sum = |of: fn(&Answer) -> u64| answers.iter().map(|(answer, _)| of(answer)).sum::<u64>();
    figures.count("calls that failed", sum(|answer| answer.failed));
    figures.count(
        "loads that were refused",
        sum(|answer| u64::from(answer.refused)),
    );
    figures.count("commits that succeeded", sum(|answer| answer.succeeded));
    figures.count("commits that failed", sum(|answer| answer.refusals));
    figures.count("crash states of these runs", sum(|answer| answer.states));
    figures.count("programs", chosen(&arguments.scenario)?.len() as u64);
    figures
        .failures
        .extend(answers.into_iter().filter_map(|(_, failure)| failure));
    Ok(figures)
}

/// As many at a time as there are processors.
fn run_all(runs: &[Run]) -> Vec<(Answer, Option<Failure>)> {
    let style = ProgressStyle::with_template("{msg:12} [{bar:40}] {human_pos} of {human_len} runs");
    let progress = if std::io::stderr().is_terminal() {
        ProgressBar::new(runs.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    progress.set_message(run.scenario.name);
                    let answer = run.ask();
                    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    answers.push(answer);
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}
