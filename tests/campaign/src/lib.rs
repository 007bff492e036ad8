//! Campaigns: long searches for what would break the driver's promises, each with figures at its
//! end and, for each failure, one page that says how to repeat it.

pub mod crash;
pub mod failures;
pub mod report;
pub mod schedules;
mod seed;

pub use report::{Failure, Figures};
