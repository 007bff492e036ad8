//! One run: a program, with these calls failing.

use super::{
    program::{Program, TRIES},
    programs::Scenario,
};
use crate::{
    Failure,
    crash::{
        effort::{Effort, Explored},
        explore::Explorer,
        session::{Session, whole},
    },
};
use ntsim::{FailingPoint, NtStatus, Sim, SimError};
use std::path::Path;

/// What is enough where all single failures are tried.
const EFFORT: Effort = Effort {
    combinations: 1 << 4,
    alone: 4,
    lines: 4,
    units: 4,
    every: 5,
    ..Effort::FULL
};

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Calls that could have failed.
    pub points: Vec<FailingPoint>,
    /// Those that did.
    pub failed: Vec<(usize, FailingPoint)>,
    /// The driver was not loaded.
    pub refused: bool,
    /// Commits, and crash states that were looked at.
    pub explored: Explored,
    /// What is wrong.
    pub failure: Option<Failure>,
}

/// Runs a program with these of its failing points failing.
///
/// # Errors
/// The driver cannot be loaded for another reason than these.
///
/// # Panics
/// A promise is broken in a way that a program sees.
pub fn run_one(
    scenario: Scenario,
    driver: &Path,
    seed: u64,
    points: &[usize],
) -> Result<Outcome, SimError> {
    let sim = Sim::boot((scenario.options)())?;
    for (letter, options) in (scenario.volumes)() {
        sim.add_volume(letter, options)?;
    }
    sim.fail_points(points);
    let session = match Session::load(sim.clone(), driver, seed) {
        Ok(session) => session,
        Err(SimError::Driver { .. }) if !points.is_empty() => {
            sim.check_nothing_left();
            return Ok(told(&sim, true, Explored::default(), Vec::new()));
        }
        Err(error) => return Err(error),
    };
    let mut program = Program::new(session);
    let open = (scenario.run)(&mut program);
    if !program.ends_here {
        unload(&mut program, &open);
    }
    let Program {
        session, broken, ..
    } = program;
    let recording = session.recording();
    let explored = Explorer::new(&recording, None, seed)
        .with_effort(EFFORT)
        .run();
    Ok(told(&sim, false, explored, broken))
}

fn unload(program: &mut Program, open: &[crate::crash::session::File]) {
    let scopes: Vec<_> = open.iter().copied().map(whole).collect();
    let mut refused = String::new();
    for _ in 0..TRIES {
        let unloaded = program.session.commits("the unload", &scopes, |sim| {
            sim.unload_driver("daxflush").map_err(|error| {
                refused = error.to_string();
                NtStatus::INVALID_DEVICE_REQUEST
            })
        });
        if unloaded {
            return;
        }
    }
    let again = format!("the driver does not unload, though nothing fails any more: {refused}");
    program.broken.push(again);
}

fn told(sim: &Sim, refused: bool, mut explored: Explored, broken: Vec<String>) -> Outcome {
    let violations = sim.violations();
    let lost = explored.failure.take();
    let title = match (&lost, violations.first(), broken.first()) {
        (Some(lost), ..) => Some(lost.title.clone()),
        (_, Some(violation), _) => Some(format!("a rule is broken: {}", violation.rule)),
        (.., Some(first)) => Some(first.clone()),
        _ => None,
    };
    let failure = title.map(|title| Failure {
        title,
        details: lost
            .into_iter()
            .flat_map(|lost| lost.details)
            .chain(broken)
            .collect(),
        violations,
        ..Failure::default()
    });
    Outcome {
        points: sim.failing_points(),
        failed: sim.failed_points(),
        refused,
        explored,
        failure,
    }
}
