//! Schedules of several threads on the shipped driver: who runs is chosen at every call of a kernel
//! routine and every flush, and after each schedule every promise and every rule is checked.

mod campaign;
mod ledger;
mod machine;
mod one;
mod scenarios;
mod search;

pub use campaign::{Arguments, Kind, SchedulesError, list, run};
pub use one::{Ran, run as run_one};
pub use scenarios::{ALL, Scenario, by_name};
