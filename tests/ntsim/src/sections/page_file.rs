//! Sections that the paging file backs: memory that processes share.

use super::{Backing, PAGE_READONLY, PAGE_READWRITE, SEC_COMMIT, Section};
use crate::{NtStatus, kernel::Kernel, objects::Target, thread};
use ntsim_machine::shared_memory::SharedMemory;

/// What ZwCreateSection is called with.
pub(crate) struct PageFileRequest {
    pub access: u32,
    pub kernel_handle: bool,
    /// MaximumSize, if there is one.
    pub size: Option<u64>,
    pub protection: u32,
    pub allocation: u32,
}

impl Kernel {
    /// ZwCreateSection without a file (nf-wdm-zwcreatesection): its handle.
    pub fn create_page_file_section(&self, request: &PageFileRequest) -> Result<u64, NtStatus> {
        // A choice of this machine: "the system-defined maximum for sections".
        const LIMIT: u64 = 1 << 40;
        if ![PAGE_READONLY, PAGE_READWRITE].contains(&request.protection) {
            return Err(NtStatus::INVALID_PAGE_PROTECTION);
        }
        let size = request.size.filter(|size| *size != 0);
        let size = size.ok_or(NtStatus::INVALID_PARAMETER_4)?;
        if size > LIMIT {
            return Err(NtStatus::SECTION_TOO_BIG);
        }
        if request.allocation & SEC_COMMIT == 0 {
            return Err(NtStatus::INVALID_PARAMETER_6);
        }
        if !request.kernel_handle && thread::process() != thread::SYSTEM {
            self.violation(
                "section",
                "a driver's section without OBJ_KERNEL_HANDLE is the program's as well",
            );
        }
        let memory = SharedMemory::new(size).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        let size = memory.size();
        let writable = request.protection == PAGE_READWRITE;
        let section = Section::new(Backing::PageFile(memory), size, writable);
        let object = section.block.address();
        let mut state = self.lock();
        state.sections.insert(object, section);
        let target = Target::Section(object);
        Ok(state.insert_handle(target, request.access, request.kernel_handle))
    }
}
