//! Memory shared between the driver and one program: a page-file section with a view in the System
//! process and one in the program's.

use super::{
    process::in_system,
    section::kernel_handle,
    status::NtStatus,
    view::{CURRENT_PROCESS, VIEW_UNMAP},
};
use core::{ptr, sync::atomic::AtomicU64};
use wdk_sys::{
    HANDLE, LARGE_INTEGER, PAGE_READWRITE, PVOID, SIZE_T,
    ntddk::{ZwClose, ZwCreateSection, ZwMapViewOfSection, ZwUnmapViewOfSection},
};

const SECTION_QUERY: u32 = 0x1;
const SECTION_MAP_WRITE: u32 = 0x2;
const SECTION_MAP_READ: u32 = 0x4;
const SEC_COMMIT: u32 = 0x0800_0000;

/// Shared memory, zeroed at first. Closed when dropped, at PASSIVE_LEVEL; the program's view stays
/// until the program unmaps it or ends.
pub struct SharedMemory {
    section: HANDLE,
    base: PVOID,
    bytes: usize,
}

// SAFETY: a kernel handle and a view of the System process; neither belongs to a thread.
unsafe impl Send for SharedMemory {}
// SAFETY: as above; the memory is reached as atomics only.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// `bytes` of memory, mapped in the System process. IRQL PASSIVE_LEVEL (nf-wdm-zwcreatesection).
    pub fn create(bytes: usize) -> Result<Self, NtStatus> {
        let size = i64::try_from(bytes).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        let mut attributes = kernel_handle();
        let mut maximum = LARGE_INTEGER { QuadPart: size };
        let mut section: HANDLE = ptr::null_mut();
        // SAFETY: the parameters are ours; no file handle asks for the page file.
        let status = unsafe {
            ZwCreateSection(
                &raw mut section,
                SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE,
                &raw mut attributes,
                &raw mut maximum,
                PAGE_READWRITE,
                SEC_COMMIT,
                ptr::null_mut(),
            )
        };
        NtStatus::check(status)?;
        // The view is closed with the rest if it cannot be mapped.
        let mut memory = Self {
            section,
            base: ptr::null_mut(),
            bytes,
        };
        memory.base = in_system(|| memory.map())?;
        Ok(memory)
    }

    /// Its length.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Maps the memory into the process that calls, for reading and writing, and returns where. IRQL
    /// PASSIVE_LEVEL, in the program's own thread.
    pub fn map_for_caller(&self) -> Result<u64, NtStatus> {
        self.map().map(|base| base as u64)
    }

    /// Takes back what [`Self::map_for_caller`] did, in the same process.
    pub fn unmap_for_caller(address: u64) {
        // SAFETY: a view of ours in the program's process; if the program has unmapped it meanwhile,
        // or put something else there, that is its own to lose.
        let _ = unsafe { ZwUnmapViewOfSection(CURRENT_PROCESS, address as PVOID) };
    }

    fn map(&self) -> Result<PVOID, NtStatus> {
        let mut base: PVOID = ptr::null_mut();
        let mut size: SIZE_T = 0;
        // SAFETY: our own section; base and size of 0 ask for a view of everything, anywhere.
        let status = unsafe {
            ZwMapViewOfSection(
                self.section,
                CURRENT_PROCESS,
                &raw mut base,
                0,
                0,
                ptr::null_mut(),
                &raw mut size,
                VIEW_UNMAP,
                0,
                PAGE_READWRITE,
            )
        };
        NtStatus::check(status).map(|()| base)
    }

    /// The memory as atomic words, which the program may change at any moment. IRQL <= APC_LEVEL, as
    /// it may be paged out.
    pub fn with<T>(&self, work: impl FnOnce(&[AtomicU64]) -> T) -> T {
        in_system(|| {
            let words = self.bytes / size_of::<AtomicU64>();
            // SAFETY: mapped in the System process, where this thread is, until self is dropped;
            // every bit pattern is a valid atomic, and whoever else writes it does so by words.
            work(unsafe { core::slice::from_raw_parts(self.base.cast::<AtomicU64>(), words) })
        })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        if !self.base.is_null() {
            // SAFETY: mapped by us in the System process, and used through self only.
            let _ = in_system(|| unsafe { ZwUnmapViewOfSection(CURRENT_PROCESS, self.base) });
        }
        // SAFETY: our own handle, closed once.
        let _ = unsafe { ZwClose(self.section) };
    }
}
