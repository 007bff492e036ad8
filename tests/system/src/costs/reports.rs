//! Reports of stores.

use super::machine::{Machine, range};
use ntsim::Count;

/// A MarkDirty request of so many ranges, each of one clean line.
pub fn of<const RANGES: u64>(machine: Machine) -> Count {
    let machine = machine.in_use();
    let ranges: Vec<_> = (0..RANGES).map(|line| range(2 * line, 1)).collect();
    machine.count(|machine| machine.client.mark(machine.file, &ranges))
}
