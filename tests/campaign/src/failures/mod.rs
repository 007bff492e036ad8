//! Failure injection: every call of the driver that can fail does so once, in every program, and
//! then two of them at a time. Whatever fails, no rule is broken, nothing is left behind, and what
//! a successful commit has promised is durable, at every power cut after it.

mod campaign;
mod child;
mod lines;
mod one;
mod program;
mod programs;

pub use campaign::{Arguments, list, run};
pub use one::{Outcome, run_one};
pub use programs::{ALL, Scenario, by_name};
