//! The error log.

use super::{
    details,
    driver::{Machine, call, machine},
};
use crate::{ErrorLogEntry, NtStatus, nt::put};

const SIZE: usize = 40 + 8 + 4;

fn plain() -> Machine {
    machine(|_| (NtStatus::SUCCESS, 0))
}

/// An entry with 4 bytes of dump data and room for a string of 3 units.
fn allocate(machine: &Machine, strings: u16) -> usize {
    let object = machine.object.address();
    let entry = call(&machine.sim, "IoAllocateErrorLogEntry", &[object, SIZE]);
    assert_ne!(entry, 0);
    // SAFETY: the entry, which has that many bytes.
    unsafe {
        put(entry, 2, 4_u16);
        put(entry, 4, strings);
        put(entry, 6, 44_u16);
        put(entry, 12, 0xc004_0001_u32);
        put(entry, 20, 0xc000_009a_u32);
        put(entry, 40, [1_u8, 2, 3, 4]);
        put(entry, 44, [u16::from(b'D'), u16::from(b':'), 0, 7]);
    }
    entry
}

#[test]
fn an_entry_is_written_with_its_strings() {
    let machine = plain();
    let entry = allocate(&machine, 1);
    call(&machine.sim, "IoWriteErrorLogEntry", &[entry]);
    let expected = ErrorLogEntry {
        error_code: 0xc004_0001,
        final_status: 0xc000_009a,
        strings: vec!["D:".to_owned()],
        dump: vec![1, 2, 3, 4],
    };
    assert_eq!(machine.sim.error_log(), [expected]);
    machine.sim.check_nothing_left();
    assert_eq!(details(&machine.sim), [""; 0]);
    call(&machine.sim, "IoFreeErrorLogEntry", &[entry]);
    assert_eq!(
        details(&machine.sim),
        ["an entry was given back that is none"]
    );
}

#[test]
fn an_entry_that_is_too_large_or_malformed_is_none() {
    let machine = plain();
    let (sim, object) = (&machine.sim, machine.object.address());
    let allocated = |size| call(sim, "IoAllocateErrorLogEntry", &[object, size]);
    assert_eq!((allocated(241), allocated(47)), (0, 0));
    sim.fail_nth("IoAllocateErrorLogEntry", 1);
    assert_eq!(allocated(240), 0);
    assert_eq!(details(sim), [""; 0]);
    let entry = allocate(&machine, 2);
    call(sim, "IoWriteErrorLogEntry", &[entry]);
    assert_eq!(sim.error_log(), []);
    let expected = "a string without an end inside of the entry";
    assert_eq!(details(sim), [expected]);
    allocate(&machine, 0);
    sim.check_nothing_left();
    assert_eq!(details(sim)[1], "1 error log entries");
}
