//! Crash states of the shipped driver: the power is cut at every store, flush and fence of a program,
//! and what may then be found is enumerated and held against what was promised.

mod areas;
mod campaign;
pub(crate) mod effort;
pub(crate) mod explore;
mod image;
pub(crate) mod marker;
pub(crate) mod marks;
mod memory;
mod page;
mod promise;
mod scenarios;
mod seen;
pub(crate) mod session;
mod state;
mod subset;

pub use campaign::{Arguments, CrashError, list, run};
pub use effort::{Chosen, Explored};
pub use scenarios::{ALL, Scenario, by_name};
pub use subset::Subset;
