//! Page-file sections and their views.

use super::{details, fake::bare};
use crate::{
    NtStatus, Sim,
    sections::{MapRequest, PAGE_READONLY, PAGE_READWRITE, PageFileRequest},
    thread,
};
use std::sync::Arc;

const SEC_COMMIT: u32 = 0x0800_0000;
const SECTION_ALL: u32 = 0xf;

fn section(sim: &Sim, size: u64) -> Result<u64, NtStatus> {
    sim.kernel.create_page_file_section(&PageFileRequest {
        access: SECTION_ALL,
        kernel_handle: true,
        size: Some(size),
        protection: PAGE_READWRITE,
        allocation: SEC_COMMIT,
    })
}

fn map(sim: &Sim, section: u64, offset: u64, size: u64) -> Result<(usize, usize), NtStatus> {
    sim.kernel.map_view_of_section(&MapRequest {
        section,
        offset,
        size,
        protection: PAGE_READWRITE,
    })
}

fn attached<T>(work: impl FnOnce() -> T) -> T {
    thread::set_attached(1);
    let result = work();
    thread::set_attached(0);
    result
}

#[test]
fn a_program_and_the_driver_share_a_section() {
    let sim = bare();
    let handle = section(&sim, 100_000).expect("a section");
    let (system, size) = attached(|| map(&sim, handle, 0, 0)).expect("a view");
    let (user, _) = map(&sim, handle, 0x1_0000, 0).expect("a view");
    assert_eq!(size, 102_400);
    assert_eq!((sim.system_views(), sim.system_view_bytes()), (1, 102_400));
    // Views keep the section.
    sim.kernel.close_kernel_handle(handle);
    let shared = sim.shared_view(user as u64, 8).expect("the view");
    shared.store(2, 77);
    // SAFETY: the driver's view, which is mapped.
    let seen = unsafe { ((system + 0x1_0000 + 16) as *const u64).read_volatile() };
    assert_eq!((seen, shared.load(2), shared.len()), (77, 77, 0x9000));
    assert_eq!(
        sim.kernel.unmap_view_of_section(user + 100),
        NtStatus::SUCCESS
    );
    assert_eq!(
        attached(|| sim.kernel.unmap_view_of_section(system)),
        NtStatus::SUCCESS
    );
    assert_eq!(shared.load(2), 77, "a view of the test's own");
    sim.check_nothing_left();
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn views_are_windows_of_64_kib_units() {
    let sim = bare();
    let handle = section(&sim, 0x3_0000).expect("a section");
    for (offset, size, expected) in [
        (0x1000, 0, Err(NtStatus::MAPPED_ALIGNMENT)),
        (0x3_0000, 0, Err(NtStatus::INVALID_VIEW_SIZE)),
        (0x2_0000, 0x1_0001, Err(NtStatus::INVALID_VIEW_SIZE)),
        (0x2_0000, 1, Ok(0x1000)),
        (0x1_0000, 0, Ok(0x2_0000)),
    ] {
        let mapped = map(&sim, handle, offset, size).map(|(_, size)| size);
        assert_eq!(mapped, expected, "{offset:#x} {size:#x}");
    }
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn sections_are_checked() {
    let sim = bare();
    let create = |size, protection, allocation| {
        let request = PageFileRequest {
            access: SECTION_ALL,
            kernel_handle: true,
            size,
            protection,
            allocation,
        };
        sim.kernel.create_page_file_section(&request).err()
    };
    let invalid = NtStatus::INVALID_PAGE_PROTECTION;
    assert_eq!(create(Some(1), 0x40, SEC_COMMIT), Some(invalid));
    let none = create(None, PAGE_READWRITE, SEC_COMMIT);
    assert_eq!(none, Some(NtStatus::INVALID_PARAMETER_4));
    let big = create(Some(1 << 60), PAGE_READWRITE, SEC_COMMIT);
    assert_eq!(big, Some(NtStatus::SECTION_TOO_BIG));
    let reader = PageFileRequest {
        access: 4,
        kernel_handle: true,
        size: Some(1),
        protection: PAGE_READONLY,
        allocation: SEC_COMMIT,
    };
    let handle = sim.kernel.create_page_file_section(&reader).expect("it");
    assert_eq!(map(&sim, handle, 0, 0), Err(NtStatus::ACCESS_DENIED));
    let all = PageFileRequest {
        access: SECTION_ALL,
        ..reader
    };
    let handle = sim.kernel.create_page_file_section(&all).expect("it");
    assert_eq!(map(&sim, handle, 0, 0), Err(NtStatus::SECTION_PROTECTION));
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn views_are_unmapped_where_they_were_mapped() {
    let sim = bare();
    let handle = section(&sim, 4096).expect("a section");
    let (base, _) = sim
        .in_process(0x2000, || map(&sim, handle, 0, 0))
        .expect("a view");
    let unmap = || sim.kernel.unmap_view_of_section(base);
    assert_eq!(unmap(), NtStatus::NOT_MAPPED_VIEW);
    let wrong = "a view in process 0x2000 was unmapped in process 0x1000";
    assert_eq!(details(&sim), [wrong]);
    assert!(sim.shared_view(base as u64, 8).is_err());
    sim.in_process(0x2000, || {
        sim.unmap_shared(base as u64).expect("UnmapViewOfFile");
        // The driver could not know.
        assert_eq!(unmap(), NtStatus::NOT_MAPPED_VIEW);
    });
    assert_eq!(details(&sim).len(), 1);
    assert_eq!(sim.kernel.lock().views.len(), 0);
    assert_eq!(Arc::strong_count(&sim.kernel), 1);
}
