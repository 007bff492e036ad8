//! One schedule of a scenario, and what was wrong with it.

use super::{machine::Machine, scenarios::Scenario};
use crate::Failure;
use ntsim::{ScheduleOptions, ScheduleReport, SimError, Switches};
use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// What a schedule was.
pub struct Ran {
    /// What it did.
    pub report: ScheduleReport,
    /// Commits that succeeded.
    pub commits: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Without its scenario and command.
    pub failure: Option<Failure>,
}

/// Runs a scenario's threads with one schedule.
///
/// # Errors
/// The driver cannot be loaded.
pub fn run(driver: &Path, scenario: &Scenario, options: &ScheduleOptions) -> Result<Ran, SimError> {
    let machine = Machine::start(
        driver,
        (scenario.options)(),
        scenario.settings,
        options.seed,
    )?;
    let programs = (scenario.threads)(&machine);
    debug_assert_eq!(programs.len(), scenario.count);
    let report = machine.sim.schedule(options, programs);
    if report.stuck.is_none() && report.panics.is_empty() {
        let ended = catch_unwind(AssertUnwindSafe(|| machine.end(scenario.exact)));
        if ended.is_err() {
            let broken = &mut machine.ledger().broken;
            broken.push("the machine could not be ended".to_owned());
        }
    }
    let ledger = machine.ledger();
    let failure = failure(&machine, &report, &ledger.broken);
    Ok(Ran {
        commits: ledger.commits,
        cuts: ledger.cuts,
        failure,
        report,
    })
}

fn failure(machine: &Machine, report: &ScheduleReport, broken: &[String]) -> Option<Failure> {
    let violations = machine.sim.violations();
    let stuck = report.stuck.iter();
    let mut wrong: Vec<_> = stuck.chain(&report.panics).chain(broken).cloned().collect();
    wrong.extend(
        violations
            .first()
            .map(|one| format!("{}: {}", one.rule, one.detail)),
    );
    let title = wrong.first()?.clone();
    let mut details = wrong;
    details.push(told(report));
    Some(Failure {
        title,
        details,
        violations,
        ..Failure::default()
    })
}

/// The schedule: each thread's points until another one goes on.
fn told(report: &ScheduleReport) -> String {
    let mut text = String::from("the schedule (thread: routine from caller):");
    let mut before = None;
    for (number, point) in report.points.iter().enumerate() {
        let mark = if before == Some(point.thread) {
            ' '
        } else {
            '*'
        };
        before = Some(point.thread);
        let from = if point.caller.is_empty() {
            ""
        } else {
            " from "
        };
        // A string takes everything.
        let _ = write!(
            text,
            "\n{mark} {number:>4}  {}: {}{from}{}",
            point.thread, point.what, point.caller
        );
    }
    text
}

/// The words that repeat it.
pub fn replay(switches: &Switches, seed: u64) -> String {
    format!("--seed {seed:#x} --replay {switches}")
}
