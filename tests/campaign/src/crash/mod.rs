//! Crash states of the shipped driver: the power is cut at every store, flush and fence of a program,
//! and what may then be found is enumerated and held against what was promised.

mod areas;
mod campaign;
mod effort;
mod explore;
mod image;
mod marker;
mod marks;
mod memory;
mod page;
mod promise;
mod scenarios;
mod seen;
mod session;
mod state;
mod subset;

pub use campaign::{Arguments, CrashError, list, run};
pub use effort::{Chosen, Explored};
pub use scenarios::{ALL, Scenario, by_name};
pub use subset::Subset;
