//! `daxctl record`: a program that is watched on Linux, or the driver's events.

mod events;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod program;
mod summary;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub use events::Arguments;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use program::Arguments;

use super::{Common, failure::Outcome};

/// Records.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn record(common: &Common, arguments: Arguments) -> Outcome {
    match arguments.of_events() {
        Ok(events) => super::site::visit(common, events),
        Err(program) => program.record(common.json),
    }
}

/// Records.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub fn record(common: &Common, arguments: Arguments) -> Outcome {
    super::site::visit(common, arguments)
}
