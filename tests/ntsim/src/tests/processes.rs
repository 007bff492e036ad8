//! Processes, their handles, and what ends with them.

use super::{create, details, fake::*};
use crate::{
    Access, Disposition, NtStatus, SimOptions,
    dispatch::CLEANUP,
    objects::FILE_READ_DATA,
    sections::{MapRequest, PAGE_READWRITE, PageFileRequest},
    thread,
};

#[test]
fn a_handle_means_nothing_in_another_process() {
    let sim = bare();
    let file = create(&sim, "a");
    let look_up = || sim.kernel.object_by_handle(file.0, FILE_READ_DATA, true);
    assert!(look_up().is_ok());
    let invalid = Err(NtStatus::INVALID_HANDLE);
    assert_eq!(sim.in_process(0x2000, look_up), invalid);
    let other = sim.in_process(0x2000, || sim.close_handle(file));
    assert_eq!(other, Err(NtStatus::INVALID_HANDLE));
    thread::set_attached(1);
    assert_eq!(look_up(), invalid, "attached to System");
    thread::set_attached(0);
    assert_eq!(details(&sim), [""; 0]);
    let kernel_mode = sim.kernel.object_by_handle(file.0, FILE_READ_DATA, false);
    assert!(kernel_mode.is_ok());
    let wrong = "a program's handle was looked up in KernelMode";
    assert_eq!(details(&sim), [wrong]);
}

#[test]
fn the_end_of_a_process_closes_and_unmaps() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![(CLEANUP, 0, true, false)],
        pre: Some(Box::new(move |_| {
            seen.add(format!("cleanup in {:#x}", thread::process()));
            NO_CALLBACK
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let handle = sim.kernel.create_page_file_section(&PageFileRequest {
        access: 0xf,
        kernel_handle: true,
        size: Some(4096),
        protection: PAGE_READWRITE,
        allocation: 0x0800_0000,
    });
    let handle = handle.expect("a section");
    let mine = create(&sim, "mine");
    sim.in_process(0x2000, || {
        create(&sim, "a");
        create(&sim, "b");
        let request = MapRequest {
            section: handle,
            offset: 0,
            size: 0,
            protection: PAGE_READWRITE,
        };
        sim.kernel.map_view_of_section(&request).expect("a view");
    });
    sim.exit_process(0x2000);
    assert_eq!(log.take(), ["cleanup in 0x2000", "cleanup in 0x2000"]);
    assert_eq!(sim.kernel.lock().views.len(), 0);
    assert_eq!(
        sim.kernel.lock().handles.len(),
        2,
        "its own and the driver's"
    );
    assert!(sim.file_size(mine).is_ok());
    let again = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    assert!(again.is_ok());
    assert_eq!(details(&sim), [""; 0]);
}

/// What a hook or probe does in a thread of the driver stands for another processor's doing.
#[test]
fn what_a_program_does_meanwhile_is_not_attached() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![(CLEANUP, 0, true, false)],
        pre: Some(Box::new(move |_| {
            let (attached, held) = (thread::attached(), crate::lock_order::held());
            seen.add(format!("attached {attached}, holds {held}"));
            NO_CALLBACK
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    thread::set_attached(1);
    crate::lock_order::acquired(1);
    sim.close_handle(file).expect("close");
    assert_eq!(thread::attached(), 1);
    thread::set_attached(0);
    crate::lock_order::released(1);
    assert_eq!(log.take(), ["attached 0, holds 0"]);
    assert_eq!(details(&sim), [""; 0]);
}
