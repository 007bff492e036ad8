//! The filter goes while it is needed.

use super::{
    commits::{Shared, prepared},
    thread,
};
use crate::schedules::machine::{File, Machine};
use ntsim::{NtStatus, Program};

fn programs(machine: &Machine, leaves: fn(&Machine)) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 2);
    let (one, two) = (shared.clone(), shared);
    // Without the filter, the end of a handle promises nothing; the ledger knows.
    vec![
        thread("writes", machine, move |machine| {
            write_twice(machine, one.file);
            one.done(machine);
        }),
        thread("commits", machine, move |machine| {
            machine.flush(two.file);
            machine.flush(two.file);
            two.done(machine);
        }),
        thread("leaves", machine, leaves),
    ]
}

/// The driver refuses writes that it cannot track any more.
fn write_twice(machine: &Machine, file: File) {
    for offset in [0, 32] {
        let written = machine.may_write(file, offset, 64);
        assert!(
            matches!(written, Ok(()) | Err(NtStatus::FLT_DELETING_OBJECT)),
            "{written:?}"
        );
    }
}

pub fn detach(machine: &Machine) -> Vec<Program> {
    programs(machine, Machine::detach_and_attach)
}

pub fn unload(machine: &Machine) -> Vec<Program> {
    programs(machine, Machine::unload_and_load)
}
