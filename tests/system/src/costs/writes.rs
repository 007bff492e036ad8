//! Writes, and what leads to them.

use super::machine::{Machine, PAGE, open_elsewhere};
use ntsim::{Access, Count, CreateFileOptions, Disposition, WriteOptions};

/// The first write to a file since it exists.
pub fn first(machine: Machine) -> Count {
    write(machine, 0, PAGE)
}

/// To lines that are clean.
pub fn clean(machine: Machine) -> Count {
    write(machine.in_use(), 0, PAGE)
}

/// To lines that are dirty.
pub fn dirty(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.write(0, PAGE);
    write(machine, 0, PAGE)
}

pub fn of_64_bytes(machine: Machine) -> Count {
    write(machine.in_use(), 0, 64)
}

pub fn of_1_mib(machine: Machine) -> Count {
    write(machine.in_use(), 0, 1 << 20)
}

/// To a part of the file that no write has reached yet.
pub fn elsewhere_in_the_file(machine: Machine) -> Count {
    write(machine.in_use(), 8 << 20, PAGE)
}

pub fn fast_io(machine: Machine) -> Count {
    let options = WriteOptions {
        fast_io: true,
        ..WriteOptions::default()
    };
    with(machine, CreateFileOptions::default(), options)
}

pub fn write_through(machine: Machine) -> Count {
    let options = WriteOptions {
        write_through: true,
        ..WriteOptions::default()
    };
    with(machine, CreateFileOptions::default(), options)
}

pub fn asynchronous(machine: Machine) -> Count {
    with(machine, overlapped(), WriteOptions::default())
}

pub fn asynchronous_write_through(machine: Machine) -> Count {
    let options = WriteOptions {
        write_through: true,
        ..WriteOptions::default()
    };
    with(machine, overlapped(), options)
}

pub fn paging(machine: Machine) -> Count {
    let options = WriteOptions {
        paging: true,
        ..WriteOptions::default()
    };
    with(machine, CreateFileOptions::default(), options)
}

pub fn append(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.count(|machine| machine.sim.append_file(machine.file, &[7; PAGE]))
}

/// To a file on a volume that the filter is not attached to.
pub fn other_volume(machine: Machine) -> Count {
    let file = open_elsewhere(&machine.sim);
    let before = machine.sim.callbacks();
    let sim = machine.sim.clone();
    let count = machine.count(|machine| machine.sim.write_file(file, 0, &[7; PAGE]));
    assert_eq!(sim.callbacks(), before, "the filter was called");
    count
}

pub fn read(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.count(|machine| machine.sim.read_file(machine.file, 0, &mut [0; PAGE]))
}

pub fn create_new(machine: Machine) -> Count {
    machine.count(|machine| {
        let (access, disposition) = (Access::ReadWrite, Disposition::CreateNew);
        machine.sim.create_file(r"D:\b", access, disposition)
    })
}

pub fn open(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.count(|machine| {
        let (access, disposition) = (Access::ReadWrite, Disposition::OpenExisting);
        machine.sim.create_file(r"D:\a", access, disposition)
    })
}

/// Cleanup and close, of a handle that is not the last, with nothing dirty.
pub fn close_one(machine: Machine) -> Count {
    let machine = machine.in_use();
    let file = machine.open(CreateFileOptions::default());
    machine.count(|machine| machine.sim.close_handle(file))
}

/// Cleanup and close, of the last handle, with nothing dirty.
pub fn close_last(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.count(|machine| machine.sim.close_handle(machine.file))
}

fn write(machine: Machine, offset: u64, length: usize) -> Count {
    // Not within what is stepped through.
    let data = vec![8; length];
    machine.count(|machine| machine.sim.write_file(machine.file, offset, &data))
}

fn overlapped() -> CreateFileOptions {
    CreateFileOptions {
        asynchronous: true,
        ..CreateFileOptions::default()
    }
}

/// A write of 4 KiB to clean lines, by a handle of some kind.
fn with(machine: Machine, handle: CreateFileOptions, options: WriteOptions) -> Count {
    let machine = machine.in_use();
    let file = machine.open(handle);
    machine.count(|machine| machine.sim.write_file_with(file, 0, &[8; PAGE], options))
}
