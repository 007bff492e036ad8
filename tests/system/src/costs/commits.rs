//! Commits.

use super::machine::{Machine, range};
use daxflush_protocol::{FileRange, log_bytes, log_layout};
use ntsim::Count;

/// Everything.
const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

/// The first commit of a file with dirty lines, which makes the view.
pub fn first(machine: Machine) -> Count {
    machine.write(0, 64);
    machine.count(|machine| machine.sim.flush_file_buffers(machine.file))
}

/// Of lines side by side.
pub fn of_run<const LINES: u64>(machine: Machine) -> Count {
    flush(machine, LINES, 1)
}

/// Of lines that each have clean ones around them.
pub fn of_scattered<const LINES: u64>(machine: Machine) -> Count {
    flush(machine, LINES, 2)
}

fn flush(machine: Machine, lines: u64, distance: u64) -> Count {
    let machine = machine.in_use();
    machine.dirty(lines, distance);
    let sim = machine.sim.clone();
    let before = sim.observed();
    let count = machine.count(|machine| machine.sim.flush_file_buffers(machine.file));
    assert_eq!((sim.observed() - before).flushes, lines);
    count
}

/// The IOCTL, of one line.
pub fn by_request(machine: Machine) -> Count {
    let machine = machine.in_use();
    machine.dirty(1, 1);
    machine.count(|machine| machine.client.commit(machine.file, ALL))
}

/// Of a file with a dirty log that has one entry for each of so many scattered lines.
pub fn of_log<const ENTRIES: u64>(machine: Machine) -> Count {
    /// Of the log.
    const ROOM: u32 = 4096;
    let machine = machine.in_use();
    let created = machine.client.create_log(machine.file, ROOM);
    let log = created.expect("a log");
    let shared = machine.sim.shared_view(log.address, log_bytes(ROOM));
    let memory = shared.expect("the log");
    // What was stored before the log was there is assumed once.
    machine.commit();
    let head = memory.load(log_layout::HEAD / 8);
    for entry in 0..ENTRIES {
        let range = range(2 * entry, 1);
        let at = log_layout::ENTRIES / 8 + 2 * ((head + entry) % u64::from(ROOM)) as usize;
        memory.store(at, range.offset);
        memory.store(at + 1, range.length);
    }
    memory.store(log_layout::TAIL / 8, head + ENTRIES);
    let sim = machine.sim.clone();
    let before = sim.observed();
    let count = machine.count(|machine| machine.sim.flush_file_buffers(machine.file));
    assert_eq!((sim.observed() - before).flushes, ENTRIES);
    count
}
