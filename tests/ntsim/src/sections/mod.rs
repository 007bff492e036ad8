//! Section objects (sections for data scan, and sections that the paging file backs) and their
//! views.

mod conflict;
mod data_scan;
mod page_file;
mod references;
mod shared_view;
mod views;

use crate::{Sim, kernel::Kernel, nt::Block, thread};
pub(crate) use data_scan::DataScanRequest;
use ntsim_machine::shared_memory::SharedMemory;
pub(crate) use page_file::PageFileRequest;
pub use shared_view::SharedView;
use std::sync::Arc;
pub(crate) use views::{MapRequest, SectionView};

pub(crate) const PAGE: u64 = 4096;
pub(crate) const PAGE_READONLY: u32 = 2;
pub(crate) const PAGE_READWRITE: u32 = 4;
const SEC_COMMIT: u32 = 0x0800_0000;

const SECTION_MAP_WRITE: u32 = 2;
const SECTION_MAP_READ: u32 = 4;

/// What is behind a section.
pub(crate) enum Backing {
    File { file: u64, file_object: usize },
    PageFile(SharedMemory),
}

impl Backing {
    pub fn file(&self) -> Option<u64> {
        match self {
            Self::File { file, .. } => Some(*file),
            Self::PageFile(_) => None,
        }
    }
}

pub(crate) struct Section {
    block: Block,
    /// From handles, pointers and views.
    pub references: u32,
    pub backing: Backing,
    /// In bytes, when the section was made.
    size: u64,
    writable: bool,
}

impl Section {
    /// A section with a reference for its handle.
    fn new(backing: Backing, size: u64, writable: bool) -> Self {
        Self {
            block: Block::zeroed(64),
            references: 1,
            backing,
            size,
            writable,
        }
    }
}

/// The rights to map that an access mask (nf-wdm-zwcreatesection) gives.
fn granted(access: u32) -> u32 {
    const GENERIC_ALL: u32 = 0x1000_0000;
    const GENERIC_WRITE: u32 = 0x4000_0000;
    const GENERIC_READ: u32 = 0x8000_0000;
    let mut rights = access;
    if access & (GENERIC_READ | GENERIC_ALL) != 0 {
        rights |= SECTION_MAP_READ;
    }
    if access & (GENERIC_WRITE | GENERIC_ALL) != 0 {
        rights |= SECTION_MAP_WRITE;
    }
    rights
}

impl Kernel {
    pub fn dereference_section(self: &Arc<Self>, address: usize) {
        let released = {
            let mut state = self.lock();
            let Some(section) = state.sections.get_mut(&address) else {
                return;
            };
            section.references -= 1;
            if section.references != 0 {
                return;
            }
            state.sections.remove(&address)
        };
        if let Some(section) = released {
            debug_assert_eq!(section.block.address(), address);
            if let Backing::File { file_object, .. } = section.backing {
                self.release_own(file_object);
            }
        }
    }

    /// Whether a stream has a section for data scan: one that is open, or one with a view.
    fn has_section(&self, file: u64) -> bool {
        let state = self.lock();
        state
            .sections
            .values()
            .any(|section| section.backing.file() == Some(file))
    }
}

impl Sim {
    /// Sections for data scan that exist.
    pub fn open_sections(&self) -> usize {
        let state = self.kernel.lock();
        let of_files = |section: &&Section| section.backing.file().is_some();
        state.sections.values().filter(of_files).count()
    }

    /// Views that the driver has in the System process.
    pub fn system_views(&self) -> usize {
        let state = self.kernel.lock();
        let system = |view: &&SectionView| view.process == thread::SYSTEM;
        state.views.values().filter(system).count()
    }

    /// Bytes of address space that views in the System process take.
    pub fn system_view_bytes(&self) -> u64 {
        let state = self.kernel.lock();
        let system = |view: &&SectionView| view.process == thread::SYSTEM;
        let lengths = state.views.values().filter(system);
        lengths.map(|view| view.len() as u64).sum()
    }
}
