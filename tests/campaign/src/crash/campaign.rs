//! The campaign: scenarios with one seed after the other, until there are enough states.

use super::{
    effort::{Chosen, Effort, Explored},
    explore::Explorer,
    memory::{LINE, UNIT},
    scenarios::{self, Scenario},
    session::Session,
    subset::Subset,
};
use crate::{Failure, Figures};
use indicatif::{ProgressBar, ProgressStyle};
use ntsim::SimError;
use std::{
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Cuts the power at every store, flush and fence of programs on the driver, and checks all or many
/// of the images that may be found then.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The program; --list names them.
    #[arg(long, default_value = "all")]
    pub scenario: String,
    /// Chooses what the programs do, and which images are looked at.
    #[arg(long, default_value_t = 1, value_parser = crate::seed::parse)]
    pub seed: u64,
    /// Goes on, with the next seeds, until there are so many distinct images.
    #[arg(long, default_value_t = 1_000_000)]
    pub states: u64,
    /// The driver, instead of the shipped one.
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// Every 8 bytes that a program stores are a store by themselves, so that the power goes between
    /// any two of them; otherwise a line is.
    #[arg(long)]
    pub by_units: bool,
    /// Looks at one image only: that of this crash point...
    #[arg(long, requires = "subset")]
    pub point: Option<u64>,
    /// ...and of these survivors, as the page of a failure names them.
    #[arg(long, requires = "point")]
    pub subset: Option<Subset>,
    /// Lists the programs.
    #[arg(long)]
    pub list: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            scenario: "all".to_owned(),
            seed: 1,
            states: 1_000_000,
            driver: None,
            by_units: false,
            point: None,
            subset: None,
            list: false,
        }
    }
}

/// What could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum CrashError {
    /// There is no such scenario.
    #[error("there is no scenario {0}: --list names them")]
    NoScenario(String),
    /// The program has fewer points at which the power may go.
    #[error("there is no crash point {0}: with this seed the program has {1}")]
    NoPoint(u64, u64),
    /// One image is of one scenario.
    #[error("--point needs --scenario NAME")]
    OnePoint,
    /// The driver cannot be loaded.
    #[error("{driver}: {source}", driver = driver.display())]
    Driver {
        /// The driver.
        driver: PathBuf,
        /// Why.
        source: SimError,
    },
}

/// Runs the campaign and returns its figures.
///
/// # Errors
/// Bad usage, or no driver.
pub fn run(arguments: &Arguments) -> Result<Figures, CrashError> {
    let mut campaign = Campaign::new(arguments)?;
    if let (Some(point), Some(subset)) = (arguments.point, arguments.subset) {
        let [scenario] = campaign.scenarios[..] else {
            return Err(CrashError::OnePoint);
        };
        campaign.one(scenario, arguments.seed, Some(Chosen { point, subset }))?;
        return Ok(campaign.figures());
    }
    let style =
        ProgressStyle::with_template("{msg:20} [{bar:40}] {human_pos} of {human_len} states");
    let progress = if std::io::stderr().is_terminal() {
        ProgressBar::new(arguments.states)
    } else {
        ProgressBar::hidden()
    };
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut seed = arguments.seed;
    while seed == arguments.seed || campaign.wants_more(arguments.states) {
        for scenario in campaign.scenarios.clone() {
            progress.set_message(scenario.name);
            campaign.one(scenario, seed, None)?;
            progress.set_position(campaign.total.distinct.min(arguments.states));
        }
        seed = seed.wrapping_add(1);
        campaign.seeds += 1;
    }
    progress.finish_and_clear();
    Ok(campaign.figures())
}

/// What was done so far.
pub struct Campaign {
    arguments: Arguments,
    driver: PathBuf,
    scenarios: Vec<Scenario>,
    total: Explored,
    failures: Vec<Failure>,
    recordings: u64,
    seeds: u64,
    exploring: Duration,
    recording: Duration,
}

impl Campaign {
    /// Nothing yet.
    ///
    /// # Errors
    /// There is no such scenario.
    pub fn new(arguments: &Arguments) -> Result<Self, CrashError> {
        let scenarios = match arguments.scenario.as_str() {
            "all" => scenarios::ALL.to_vec(),
            name => {
                let found = scenarios::by_name(name);
                vec![found.ok_or_else(|| CrashError::NoScenario(name.to_owned()))?]
            }
        };
        let driver = arguments.driver.clone();
        Ok(Self {
            arguments: arguments.clone(),
            driver: driver.unwrap_or_else(daxflush_system_tests::driver),
            scenarios,
            total: Explored::default(),
            failures: Vec::new(),
            recordings: 0,
            seeds: 0,
            exploring: Duration::ZERO,
            recording: Duration::ZERO,
        })
    }

    fn wants_more(&self, states: u64) -> bool {
        self.failures.is_empty() && self.total.distinct < states
    }

    /// Records a scenario and explores it.
    fn one(
        &mut self,
        scenario: Scenario,
        seed: u64,
        only: Option<Chosen>,
    ) -> Result<(), CrashError> {
        let begun = Instant::now();
        let session = Session::start(&self.driver, seed);
        let mut session = session.map_err(|source| CrashError::Driver {
            driver: self.driver.clone(),
            source,
        })?;
        let recovery = (scenario.run)(&mut session);
        let recording = session.end();
        self.recording += begun.elapsed();
        let begun = Instant::now();
        let effort = Effort {
            grain: if self.arguments.by_units { UNIT } else { LINE },
            ..scenario.effort
        };
        let mut explorer = Explorer::new(&recording, recovery.as_deref(), seed).with_effort(effort);
        if let Some(chosen) = only {
            explorer = explorer.only(chosen);
        }
        let mut explored = explorer.run();
        self.exploring += begun.elapsed();
        self.recordings += 1;
        if let Some(Chosen { point, .. }) = only.filter(|chosen| chosen.point >= explored.points) {
            return Err(CrashError::NoPoint(point, explored.points));
        }
        if let Some(failure) = explored.failure.take() {
            self.failures.push(self.page(failure, scenario, seed));
        }
        self.add(&explored);
        Ok(())
    }

    fn page(&self, failure: Failure, scenario: Scenario, seed: u64) -> Failure {
        let driver = self.arguments.driver.as_ref();
        let driver = driver.map_or_else(String::new, |driver| {
            format!(" --driver {}", driver.display())
        });
        let units = if self.arguments.by_units {
            " --by-units"
        } else {
            ""
        };
        Failure {
            scenario: format!("{}: {}", scenario.name, scenario.about),
            seed: Some(seed),
            replay: format!(
                "cargo run --release -p daxflush-campaign -- crashes{driver}{units} --scenario {} --seed {seed:#x} {}",
                scenario.name, failure.replay
            ),
            ..failure
        }
    }

    fn add(&mut self, explored: &Explored) {
        let total = &mut self.total;
        total.points += explored.points;
        total.unchanged += explored.unchanged;
        total.exhaustive += explored.exhaustive;
        total.states += explored.states;
        total.distinct += explored.distinct;
        total.checked += explored.checked;
        total.recovered += explored.recovered;
        total.most_lines = total.most_lines.max(explored.most_lines);
        total.commits.0 += explored.commits.0;
        total.commits.1 += explored.commits.1;
        total.compared += explored.compared;
    }

    /// What it came to.
    fn figures(self) -> Figures {
        let total = &self.total;
        let seconds = self.exploring.as_secs_f64().max(1e-9);
        let rate = |count: u64| (count as f64 / seconds) as u64;
        let mut figures = Figures::new("crash states");
        figures.count("distinct crash states", total.distinct);
        figures.count("states made", total.states);
        figures.count("checks of a state against the promises", total.checked);
        figures.count("recoveries of a program from a state", total.recovered);
        figures.count("states made a second, on one core", rate(total.states));
        figures.count(
            "distinct crash states a second, on one core",
            rate(total.distinct),
        );
        figures.count("crash points", total.points);
        figures.count(
            "crash points at which nothing new may be found, or left out of a trace",
            total.unchanged,
        );
        figures.count(
            "crash points at which every combination of lines was made",
            total.exhaustive,
        );
        figures.count("undrained lines at once, at most", total.most_lines as u64);
        figures.count("commits that succeeded", total.commits.0);
        figures.count("commits that failed", total.commits.1);
        figures.count(
            "bytes compared with the simulator's durable image",
            total.compared,
        );
        figures.count("scenarios", self.scenarios.len() as u64);
        figures.count("seeds", self.seeds);
        figures.count("recordings of them", self.recordings);
        figures.count(
            "milliseconds of recording",
            self.recording.as_millis() as u64,
        );
        figures.count(
            "milliseconds of exploring",
            self.exploring.as_millis() as u64,
        );
        figures.failures = self.failures;
        figures
    }
}

/// The scenarios, one a line.
pub fn list() -> String {
    let lines = scenarios::ALL
        .iter()
        .map(|scenario| format!("{:22}{}\n", scenario.name, scenario.about));
    lines.collect()
}
