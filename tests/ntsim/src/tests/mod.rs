//! The kernel's rules, tried with a minifilter written here instead of a loaded one.

mod draining;
mod driver;
mod error_log;
mod etw;
mod fake;
mod files;
mod instances;
mod names;
mod pended;
mod processes;
mod registration;
mod registry;
mod removal;
mod requests;
mod scans;
mod schedules;
mod security;
mod time;
mod views;

use crate::{Access, Disposition, Handle, Sim};

/// A new file on D:.
fn create(sim: &Sim, name: &str) -> Handle {
    let path = format!(r"D:\{name}");
    let file = sim.create_file(&path, Access::ReadWrite, Disposition::CreateNew);
    file.expect("a file")
}

/// What was done wrong, without the details.
fn details(sim: &Sim) -> Vec<String> {
    let violations = sim.violations().into_iter();
    violations.map(|violation| violation.detail).collect()
}
