//! The user-mode harness: a client of daxflush, for the simulator and for Windows, and a replay of
//! storage traces with it.
#![deny(unsafe_code)]

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub mod bench;
pub mod cli;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub mod client;
pub mod events;
#[cfg(any(windows, test))]
mod fields;
pub mod from_events;
pub mod html;
pub mod mapped;
pub mod model;
pub mod random;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod record;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod remote;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod replay;
pub mod report;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub mod scratch;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod simulator;
pub mod statistics;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub mod stress;
pub mod trace;
pub mod watch;
