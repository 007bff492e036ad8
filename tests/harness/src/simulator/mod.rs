//! A simulated machine with the shipped driver in it, for commands to act on.

mod machine;
mod play;
mod tracing;
mod workload;

pub use machine::{Booted, SERVICE, SimulatorError};
pub use play::Player;
pub use workload::Workload;
