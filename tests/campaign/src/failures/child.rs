//! A run in a process of its own, which may end in a bugcheck.

use super::{one::run_one, programs::Scenario};
use crate::{Failure, Figures};
use serde_json::json;
use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

/// What a run may take; none takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);
const SCENARIO: &str = "scenario";

/// One run.
#[derive(Clone)]
pub struct Run {
    pub scenario: Scenario,
    pub driver: PathBuf,
    pub seed: u64,
    pub points: Vec<usize>,
}

/// What a child says of its run.
#[derive(Debug, Default)]
pub struct Answer {
    pub failed: u64,
    pub refused: bool,
    pub succeeded: u64,
    pub refusals: u64,
    pub states: u64,
}

impl Run {
    fn arguments(&self) -> Vec<String> {
        let points: Vec<String> = self.points.iter().map(ToString::to_string).collect();
        [
            "failures",
            "--scenario",
            self.scenario.name,
            "--seed",
            &self.seed.to_string(),
            "--driver",
            &self.driver.display().to_string(),
            "--points",
            &points.join(","),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Completes a failure's page.
    pub fn page(&self, failure: Failure) -> Failure {
        let mut arguments = self.arguments();
        if self.driver == daxflush_system_tests::driver() {
            arguments.drain(5..7);
        }
        if self.points.is_empty() {
            arguments.truncate(arguments.len() - 2);
        }
        let command = "cargo run --release -p daxflush-campaign --";
        Failure {
            scenario: format!("{}: {}", self.scenario.name, self.scenario.about),
            seed: Some(self.seed),
            replay: format!("{command} {}", arguments.join(" ")),
            ..failure
        }
    }

    /// Runs it in a child.
    pub fn ask(&self) -> (Answer, Option<Failure>) {
        match self.spawn() {
            Ok((text, _)) if text.starts_with('{') => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                let number = |name: &str| value[name].as_u64().unwrap_or_default();
                let answer = Answer {
                    failed: number("failed"),
                    refused: number("refused") != 0,
                    succeeded: number("succeeded"),
                    refusals: number("refusals"),
                    states: number("states"),
                };
                let details = value["details"].as_array().into_iter().flatten();
                let title = value["title"].as_str().map(|title| Failure {
                    title: title.to_owned(),
                    details: details
                        .filter_map(|text| Some(text.as_str()?.to_owned()))
                        .collect(),
                    ..Failure::default()
                });
                (answer, title.map(|failure| self.page(failure)))
            }
            Ok((text, errors)) => (Answer::default(), Some(self.died(&text, &errors))),
            Err(error) => {
                let error = error.to_string();
                (Answer::default(), Some(self.died("", &error)))
            }
        }
    }

    fn died(&self, text: &str, errors: &str) -> Failure {
        let first = errors.lines().find(|line| line.starts_with("***"));
        let title = first.unwrap_or("the run ended without an answer");
        self.page(Failure {
            title: title.trim_start_matches("*** ").to_owned(),
            details: vec![text.to_owned(), errors.to_owned()],
            ..Failure::default()
        })
    }

    fn spawn(&self) -> std::io::Result<(String, String)> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(self.arguments())
            .arg("--child")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let read = |from: Option<Box<dyn Read + Send>>| {
            let mut text = Vec::new();
            // What could be read is what there is to tell.
            let _ = from.map(|mut from| from.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        };
        std::thread::scope(|scope| {
            let out = scope.spawn(move || read(out.map(|out| Box::new(out) as _)));
            let errors = scope.spawn(move || read(errors.map(|errors| Box::new(errors) as _)));
            let mut left = PATIENCE;
            const STEP: Duration = Duration::from_millis(2);
            while child.try_wait()?.is_none() {
                std::thread::sleep(STEP);
                left = left.saturating_sub(STEP);
                if left.is_zero() {
                    child.kill()?;
                    child.wait()?;
                    let text = out.join().unwrap_or_default();
                    return Ok((text, "*** the run did not end: killed".to_owned()));
                }
            }
            let text = out.join().unwrap_or_default();
            Ok((text, errors.join().unwrap_or_default()))
        })
    }
}

/// Makes a run in this process. A child prints its answer; a person gets figures.
pub fn answer(run: &Run, child: bool) -> Figures {
    let made = catch_unwind(AssertUnwindSafe(|| {
        run_one(run.scenario, &run.driver, run.seed, &run.points)
    }));
    let (mut outcome, failure) = match made {
        Ok(Ok(mut outcome)) => {
            let failure = outcome.failure.take();
            (outcome, failure)
        }
        Ok(Err(error)) => (Default::default(), Some(failed(error.to_string()))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            (Default::default(), Some(failed(text.unwrap_or_default())))
        }
    };
    let failure = failure.map(|mut failure| {
        let told = outcome.failed.iter();
        let lines = told
            .map(|(point, of)| format!("call {point} failed: {} from {}\n", of.routine, of.caller));
        failure.details.insert(0, lines.collect());
        run.page(failure)
    });
    let (succeeded, refusals) = outcome.explored.commits;
    let mut figures = Figures::new("failures");
    if child {
        let value = json!({
            SCENARIO: run.scenario.name,
            "failed": outcome.failed.len(),
            "refused": u64::from(outcome.refused),
            "succeeded": succeeded,
            "refusals": refusals,
            "states": outcome.explored.states,
            "title": failure.as_ref().map(|failure| failure.title.clone()),
            "details": failure.map_or_else(Vec::new, |failure| {
                let rules = failure.violations.iter().map(ToString::to_string);
                failure.details.into_iter().chain(rules).collect::<Vec<_>>()
            }),
        });
        println!("{value}");
        std::process::exit(0);
    }
    figures.count("calls that can fail", outcome.points.len() as u64);
    for (point, of) in std::mem::take(&mut outcome.failed) {
        figures.count(
            format!("failed: {} from {}", of.routine, of.caller),
            point as u64,
        );
    }
    figures.count("commits that succeeded", succeeded);
    figures.count("commits that failed", refusals);
    figures.count("crash states", outcome.explored.states);
    figures.failures.extend(failure);
    figures
}

fn failed(title: String) -> Failure {
    let title = title.lines().next().unwrap_or_default().to_owned();
    Failure {
        title,
        ..Failure::default()
    }
}
