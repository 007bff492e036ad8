//! Sections for data scan and their conflicts.

use super::{create, details, fake::*};
use crate::{
    Handle, NtStatus, Sim, SimOptions,
    contexts::SECTION,
    nt::{file_object, get},
    sections::{DataScanRequest, MapRequest, PAGE_READONLY},
    thread,
};

/// Enough for every conflict callback here: it closes what the test shows it.
fn closes(log: &Log) -> Fake {
    let seen = log.clone();
    Fake {
        setup: Some(Box::new(|_| {
            thread::kernel().lock().volumes[0].data_scan = true;
            0
        })),
        conflict: Some(Box::new(move |call| {
            let kernel = thread::kernel();
            seen.add(format!("conflict at {}", thread::irql()));
            kernel.close_data_scan_section(call.context);
            0
        })),
        ..Fake::default()
    }
}

struct Scan {
    context: usize,
    handle: u64,
    object: usize,
}

fn scan(sim: &Sim, file: Handle) -> Result<Scan, NtStatus> {
    let kernel = &sim.kernel;
    let context = kernel.allocate_context(SECTION, 8)?;
    let instance = kernel.lock().volumes[0].instance_address();
    let created = kernel.create_data_scan_section(&DataScanRequest {
        instance,
        file_object: kernel.object_by_handle(file.0, 0, true)?,
        context,
        access: 5,
        kernel_handle: true,
        protection: PAGE_READONLY,
        allocation: 0x0800_0000,
    });
    kernel.release_context(context);
    let created = created?;
    Ok(Scan {
        context,
        handle: created.handle,
        object: created.object,
    })
}

fn map(sim: &Sim, section: u64, offset: u64) -> Result<(usize, usize), NtStatus> {
    sim.kernel.map_view_of_section(&MapRequest {
        section,
        offset,
        size: 0,
        protection: PAGE_READONLY,
    })
}

#[test]
fn windows_of_a_file_are_mapped_in_system() {
    let sim = machine(SimOptions::default(), closes(&Log::default()));
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 0x2_1234).expect("a size");
    let section = scan(&sim, file).expect("a section");
    thread::set_attached(1);
    let (base, size) = map(&sim, section.handle, 0x2_0000).expect("a view");
    assert_eq!(size, 0x2000);
    let unaligned = map(&sim, section.handle, 0x800);
    assert_eq!(unaligned, Err(NtStatus::MAPPED_ALIGNMENT));
    assert_eq!((sim.open_sections(), sim.system_views()), (1, 1));
    sim.kernel.close_kernel_handle(section.handle);
    sim.kernel.dereference(section.object);
    assert_eq!(sim.open_sections(), 1, "the view keeps it");
    assert_eq!(sim.kernel.unmap_view_of_section(base), NtStatus::SUCCESS);
    thread::set_attached(0);
    assert_eq!((sim.open_sections(), sim.system_views()), (0, 0));
    let closed = sim.kernel.close_data_scan_section(section.context);
    assert_eq!(closed, NtStatus::SUCCESS);
    let again = sim.kernel.close_data_scan_section(section.context);
    assert_eq!(again, NtStatus::NOT_FOUND);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_file_is_not_mapped_into_a_program() {
    let sim = machine(SimOptions::default(), closes(&Log::default()));
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 4096).expect("a size");
    let section = scan(&sim, file).expect("a section");
    map(&sim, section.handle, 0).expect("a view");
    let wrong = "a view was mapped into the process of the caller";
    assert_eq!(details(&sim), [wrong]);
}

#[test]
fn a_conflict_that_leaves_a_section_open_is_in_the_way() {
    let log = Log::default();
    let options = SimOptions {
        conflict_at_apc: true,
        ..SimOptions::default()
    };
    let sim = machine(options, closes(&log));
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 8192).expect("a size");
    let section = scan(&sim, file).expect("a section");
    let mapped = Err(NtStatus::USER_MAPPED_FILE);
    assert_eq!(sim.set_end_of_file(file, 4096), mapped);
    assert_eq!(log.take(), ["conflict at 1"]);
    sim.kernel.close_kernel_handle(section.handle);
    sim.kernel.dereference(section.object);
    sim.set_end_of_file(file, 4096).expect("nothing is left");
    assert_eq!(log.take(), [""; 0], "the context was closed");
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_conflict_may_come_before_the_section_is_known() {
    let log = Log::default();
    let options = SimOptions {
        conflict_before_create_returns: Some(2),
        ..SimOptions::default()
    };
    let sim = machine(options, closes(&log));
    for (name, expected) in [("a", 0), ("b", 1), ("c", 0)] {
        let file = create(&sim, name);
        sim.set_end_of_file(file, 8192).expect("a size");
        scan(&sim, file).expect("a section");
        assert_eq!(log.take().len(), expected, "{name}");
    }
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn writable_references_are_counted() {
    for handles in [false, true] {
        let options = SimOptions {
            writable_handles_are_references: handles,
            ..SimOptions::default()
        };
        let sim = machine(options, Fake::default());
        let file = create(&sim, "a");
        sim.set_end_of_file(file, 8192).expect("a size");
        let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
        // SAFETY: a file object.
        let pointers = unsafe { get(object, file_object::SECTION_OBJECT_POINTER) };
        let count = || sim.kernel.user_writable_references(pointers) - u32::from(handles);
        assert_eq!(count(), 0);
        let reader = sim.map_view(file, 0, 4096, false).expect("a view");
        assert_eq!(count(), 0);
        let writer = sim.map_view(file, 0, 4096, true).expect("a view");
        assert_eq!(count(), 1);
        sim.unmap_view(reader);
        sim.unmap_view(writer);
        assert_eq!(count(), 0);
        assert_eq!(details(&sim), [""; 0]);
        assert_eq!(sim.kernel.user_writable_references(0), 0);
        assert_eq!(details(&sim).len(), 1);
    }
}
