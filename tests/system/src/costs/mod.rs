//! What operations cost the driver, in instructions: figures that do not depend on the machine.

mod commits;
mod machine;
mod reports;
mod table;
mod writes;

pub use table::{OPERATIONS, WRITE_ELSEWHERE, WRITE_OF_4_KIB};

use machine::Machine;
use ntsim::Count;

/// Instructions that the filter may add to a write of 4 KiB, as the README promises.
pub const PROMISED_WRITE: u64 = 400;

/// An operation that is counted, and what it may cost.
pub struct Operation {
    /// What a program does.
    pub name: &'static str,
    /// Instructions of the driver that it may take.
    pub ceiling: u64,
    /// How many it took when the ceiling was set.
    pub measured: u64,
    act: fn(Machine) -> Count,
}

impl Operation {
    /// Does it on a machine of its own, and counts.
    ///
    /// # Panics
    /// Something fails, breaks a rule, or cannot be counted here.
    pub fn count(&self) -> Count {
        (self.act)(Machine::new())
    }
}

/// The operation of this name.
///
/// # Panics
/// There is none.
pub fn operation(name: &str) -> &'static Operation {
    let found = OPERATIONS.iter().find(|operation| operation.name == name);
    found.unwrap_or_else(|| panic!("{name} is not counted"))
}
