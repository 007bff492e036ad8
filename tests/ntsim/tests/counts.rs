//! Counting what the shipped driver executes and calls.

mod common;

use common::{driver, machine};
use ntsim::{Access, Count, CreateFileOptions, Disposition, Handle, Sim, WriteOptions};

const SERVICE: &str = "daxflush";

/// A machine with the driver and a file that was committed.
fn boot() -> (Sim, Handle) {
    let sim = machine();
    sim.load_driver(&driver(), SERVICE)
        .expect("the driver loads");
    let file = sim.create_file(r"D:\a", Access::ReadWrite, Disposition::OpenAlways);
    let file = file.expect("a file");
    write(&sim, file, WriteOptions::default());
    sim.flush_file_buffers(file).expect("a flush");
    (sim, file)
}

fn write(sim: &Sim, file: Handle, options: WriteOptions) {
    let written = sim.write_file_with(file, 0, &[1; 100], options);
    assert_eq!(written, Ok(100));
}

fn end(sim: &Sim, file: Handle) {
    sim.close_handle(file).expect("close");
    sim.unload_driver(SERVICE).expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

#[test]
fn an_operation_is_counted_by_function_and_by_routine() {
    let (sim, file) = boot();
    let ((), count) = sim
        .count_instructions(|| write(&sim, file, WriteOptions::default()))
        .expect("single steps");
    assert_ne!(count.instructions, 0);
    let by_function: u64 = count.functions.iter().map(|(_, times)| times).sum();
    let by_offset: u64 = count.offsets.values().sum();
    assert_eq!(
        (by_function, by_offset),
        (count.instructions, count.instructions)
    );
    let written = count.functions.iter();
    assert!(
        written
            .map(|(name, _)| name)
            .any(|name| name.contains("write"))
    );
    assert_eq!(count.calls.get("FltGetStreamContext"), Some(&1), "{count}");
    end(&sim, file);
}

#[test]
fn what_runs_in_a_system_worker_thread_counts() {
    let (sim, file) = boot();
    let options = CreateFileOptions {
        asynchronous: true,
        write_through: true,
        ..CreateFileOptions::default()
    };
    let asynchronous = sim.create_file_with(r"D:\a", options).expect("a file");
    let ((), count) = sim
        .count_instructions(|| write(&sim, asynchronous, WriteOptions::default()))
        .expect("single steps");
    // The work routine does, when it is done.
    let completed = count.calls.get("FltCompletePendedPostOperation");
    assert_eq!(completed, Some(&1), "{count}");
    sim.close_handle(asynchronous).expect("close");
    end(&sim, file);
}

#[test]
fn nothing_is_counted_of_what_goes_past_the_driver() {
    let (sim, file) = boot();
    let ((), count) = sim.count_instructions(|| ()).expect("single steps");
    assert_eq!(count, Count::default());
    let (_, count) = sim
        .count_instructions(|| sim.read_file(file, 0, &mut [0; 64]))
        .expect("single steps");
    assert_eq!(count, Count::default());
    end(&sim, file);
}

#[test]
fn there_is_nothing_to_count_without_a_driver() {
    let sim = machine();
    let refused = sim.count_instructions(|| ()).expect_err("no driver");
    assert_eq!(refused, "no driver is loaded");
}
