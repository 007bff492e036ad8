//! daxflush.sys, its INF and daxctl.exe in Wine, whose loader, registry, object manager and I/O manager
//! share nothing with the simulator's.
//!
//! Wine has no volumes that a minifilter could attach to, so nothing is filtered here: what is seen is
//! installation, start and stop, the control device and every request to it. Where its kernel lacks a
//! routine, the folder `kernel` has it.

pub mod battery;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod kernel;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod machine;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod package;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod prefix;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod simulated;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use {
    machine::{KEY, Machine, SERVICE},
    package::{Package, test_program},
    prefix::{Prefix, Ran},
};
