//! The shipped driver in the simulated kernel, its image unpatched and unstepped: what it adds to
//! writes and flushes, and what it costs a program to tell it of stores.
//!
//! What the filter adds contains the simulator's own routines, such as its Filter Manager; the
//! instructions of the driver alone are counted, too, which do not depend on the machine.

mod counts;
mod flushes;
mod reported;
mod reports;
mod stage;
mod writes;

use crate::{
    results::Results,
    suite::{Course, Suite},
};
use stage::Stage;
use std::error::Error;

pub const SUITE: Suite = Suite {
    name: "driver",
    about: "the shipped driver: what it adds to writes and flushes, and what reports cost",
    rounds: 101,
    run,
};

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    // Before a machine without checks is booted, after which no other one guards anything.
    let counts = counts::counted(course);
    let stage = Stage::new()?;
    let mut comparisons = writes::compared(&stage, course);
    comparisons.extend(flushes::compared(&stage, course));
    comparisons.extend(reports::compared(&stage, course));
    comparisons.extend(reports::drained(&stage, course));
    stage.end()?;
    Ok(reported::reported(Results::new(comparisons), &counts))
}
