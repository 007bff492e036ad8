//! The user-mode harness: the same commands over the simulator and over a real device.

pub mod model;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod replay;
pub mod report;
pub mod trace;

mod random;
