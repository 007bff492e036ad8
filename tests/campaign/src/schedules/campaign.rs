//! The campaign: scenarios, each with many schedules.

use super::{
    one::{self, Ran},
    scenarios::{self, Scenario},
    search::{self, Preempted},
};
use crate::{Failure, Figures};
use daxctl::random::mix;
use indicatif::{ProgressBar, ProgressStyle};
use ntsim::{Policy, ScheduleOptions, SimError, Switches};
use std::{
    collections::HashSet,
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How schedules are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Random walks and random priorities.
    Random,
    /// Few preemptions, all with one before any with more.
    Preempt,
}

/// Runs threads on the driver with many schedules, chosen at every call of a kernel routine and every
/// flush and fence, and checks promises and rules after each.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The threads; --list names them.
    #[arg(long, default_value = "all")]
    pub scenario: String,
    /// Schedules of each scenario.
    #[arg(long, default_value_t = 1000)]
    pub schedules: u64,
    /// Chooses the schedules.
    #[arg(long, default_value_t = 1, value_parser = crate::seed::parse)]
    pub seed: u64,
    /// How schedules are found; both by turns if nothing is said.
    #[arg(long)]
    pub policy: Option<Kind>,
    /// The driver, instead of the shipped one.
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// One schedule only, as the page of a failure names it.
    #[arg(long, value_name = "SCHEDULE")]
    pub replay: Option<Switches>,
    /// Lists the scenarios.
    #[arg(long)]
    pub list: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            scenario: "all".to_owned(),
            schedules: 1000,
            seed: 1,
            policy: None,
            driver: None,
            replay: None,
            list: false,
        }
    }
}

/// What could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum SchedulesError {
    /// There is no such scenario.
    #[error("there is no scenario {0}: --list names them")]
    NoScenario(String),
    /// A schedule is of one scenario.
    #[error("--replay needs --scenario NAME")]
    OneSchedule,
    /// The driver cannot be loaded.
    #[error("{driver}: {source}", driver = driver.display())]
    Driver {
        /// The driver.
        driver: PathBuf,
        /// Why.
        source: SimError,
    },
}

/// The names of all scenarios, and what they are.
pub fn list() -> String {
    let line = |scenario: &Scenario| format!("{:<18}{}\n", scenario.name, scenario.about);
    scenarios::ALL.iter().map(line).collect()
}

/// Runs the campaign and returns its figures.
///
/// # Errors
/// Bad usage, or no driver.
pub fn run(arguments: &Arguments) -> Result<Figures, SchedulesError> {
    let scenarios = match arguments.scenario.as_str() {
        "all" => scenarios::ALL.to_vec(),
        name => {
            let found = scenarios::by_name(name);
            vec![found.ok_or_else(|| SchedulesError::NoScenario(name.to_owned()))?]
        }
    };
    let driver = arguments.driver.clone();
    let mut campaign = Campaign {
        arguments,
        driver: driver.unwrap_or_else(daxflush_system_tests::driver),
        total: Total::default(),
    };
    if let Some(switches) = &arguments.replay {
        let [scenario] = scenarios[..] else {
            return Err(SchedulesError::OneSchedule);
        };
        let options = ScheduleOptions {
            seed: arguments.seed,
            policy: Policy::Replay(switches.clone()),
            ..ScheduleOptions::default()
        };
        campaign.one(&scenario, &options, &mut HashSet::new())?;
        return Ok(campaign.total.figures());
    }
    let style =
        ProgressStyle::with_template("{msg:20} [{bar:40}] {human_pos} of {human_len} schedules");
    let all = arguments.schedules * scenarios.len() as u64;
    let progress = if std::io::stderr().is_terminal() {
        ProgressBar::new(all)
    } else {
        ProgressBar::hidden()
    };
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    for scenario in &scenarios {
        progress.set_message(scenario.name);
        campaign.scenario(scenario, &progress)?;
    }
    progress.finish_and_clear();
    Ok(campaign.total.figures())
}

struct Campaign<'a> {
    arguments: &'a Arguments,
    driver: PathBuf,
    total: Total,
}

/// What it came to.
#[derive(Default)]
struct Total {
    scenarios: u64,
    schedules: u64,
    distinct: u64,
    points: u64,
    switches: u64,
    commits: u64,
    cuts: u64,
    /// Scenarios of which all schedules with up to so many preemptions were tried.
    exhaustive: [u64; 2],
    took: Duration,
    failures: Vec<Failure>,
}

impl Campaign<'_> {
    /// The schedules of a scenario, until one fails.
    fn scenario(
        &mut self,
        scenario: &Scenario,
        progress: &ProgressBar,
    ) -> Result<(), SchedulesError> {
        let Arguments {
            schedules,
            seed,
            policy,
            ..
        } = *self.arguments;
        let name = scenario.name.bytes();
        let seed = name.fold(mix(seed), |seed, byte| mix(seed ^ u64::from(byte)));
        let mut seen = HashSet::new();
        let (mut preempted, mut longest) = (None, 0);
        let preempting = match policy {
            Some(Kind::Random) => 0,
            Some(Kind::Preempt) => schedules,
            None => schedules / 2,
        };
        self.total.scenarios += 1;
        for number in 0..schedules {
            progress.inc(1);
            let options = if number < preempting {
                let search = preempted
                    .get_or_insert_with(|| Preempted::new(scenario.count, preempting, seed));
                ScheduleOptions {
                    seed: mix(seed ^ number),
                    policy: search.policy(number),
                    ..ScheduleOptions::default()
                }
            } else {
                search::random(seed, number - preempting, longest)
            };
            let Some(points) = self.one(scenario, &options, &mut seen)? else {
                break;
            };
            longest = longest.max(points);
            if let Some(search) = preempted
                .as_mut()
                .filter(|_| number < scenario.count as u64)
            {
                search.points.push(points);
            }
        }
        if let Some(search) = preempted.filter(|_| seen.len() > scenario.count) {
            let (none, one) = search.singles();
            self.total.exhaustive[0] += u64::from(none + one <= preempting);
            self.total.exhaustive[1] += u64::from(search.is_exhaustive());
        }
        self.total.distinct += seen.len() as u64;
        Ok(())
    }

    /// One schedule: its points, or nothing if it has failed.
    fn one(
        &mut self,
        scenario: &Scenario,
        options: &ScheduleOptions,
        seen: &mut HashSet<Switches>,
    ) -> Result<Option<u64>, SchedulesError> {
        let begun = Instant::now();
        let ran = one::run(&self.driver, scenario, options);
        let Ran {
            report,
            commits,
            cuts,
            failure,
        } = ran.map_err(|source| SchedulesError::Driver {
            driver: self.driver.clone(),
            source,
        })?;
        let total = &mut self.total;
        total.took += begun.elapsed();
        total.schedules += 1;
        total.points += report.points.len() as u64;
        total.switches += report.switches.0.len() as u64;
        total.commits += commits;
        total.cuts += cuts;
        let points = report.points.len() as u64;
        if let Some(failure) = failure {
            let driver = self.arguments.driver.as_ref();
            let driver = driver.map_or_else(String::new, |driver| {
                format!(" --driver {}", driver.display())
            });
            let name = scenario.name;
            let mut failure = Failure {
                scenario: format!("{name}: {}", scenario.about),
                seed: Some(options.seed),
                replay: format!(
                    "cargo run --release -p daxflush-campaign -- schedules{driver} --scenario {name} {}",
                    one::replay(&report.switches, options.seed)
                ),
                ..failure
            };
            failure
                .details
                .insert(0, format!("policy {:?}", options.policy));
            total.failures.push(failure);
            return Ok(None);
        }
        seen.insert(report.switches);
        Ok(Some(points))
    }
}

impl Total {
    fn figures(self) -> Figures {
        let seconds = self.took.as_secs_f64().max(1e-9);
        let rate = |count: u64| (count as f64 / seconds) as u64;
        let mut figures = Figures::new("schedules");
        figures.count("scenarios", self.scenarios);
        figures.count("schedules", self.schedules);
        figures.count("distinct schedules", self.distinct);
        figures.count(
            "scenarios with all schedules of up to one preemption",
            self.exhaustive[0],
        );
        figures.count(
            "scenarios with all schedules of up to two preemptions",
            self.exhaustive[1],
        );
        figures.count("scheduling points", self.points);
        figures.count("switches to another thread", self.switches);
        figures.count("commits that succeeded", self.commits);
        figures.count("power cuts", self.cuts);
        figures.count("schedules a second", rate(self.schedules));
        figures.count("switches a second", rate(self.switches));
        figures.failures = self.failures;
        figures
    }
}
