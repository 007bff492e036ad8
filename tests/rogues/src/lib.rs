//! Small drivers, each of which breaks one rule of the driver reference, and what the simulated
//! kernel says of them.

pub mod report;
pub mod rogue;
