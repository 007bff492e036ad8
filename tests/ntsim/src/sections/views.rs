//! Views of sections, and the processes that they are in.

use super::{
    Backing, PAGE, PAGE_READONLY, PAGE_READWRITE, SECTION_MAP_READ, SECTION_MAP_WRITE, Section,
    granted,
};
use crate::{
    NtStatus,
    kernel::{Kernel, State},
    objects::Target,
    thread,
};
use ntsim_machine::{pmem::View, shared_memory::Mapping};
use std::sync::Arc;

/// The allocation granularity: what a view's offset in its section is a multiple of.
const GRANULARITY: u64 = 0x1_0000;

enum Memory {
    Persistent(View),
    Shared(Mapping),
}

/// A view that the driver mapped.
pub(crate) struct SectionView {
    memory: Memory,
    section: usize,
    /// The process it is in.
    pub process: u64,
    offset: u64,
    pub writable: bool,
}

impl SectionView {
    fn base(&self) -> usize {
        match &self.memory {
            Memory::Persistent(view) => view.base(),
            Memory::Shared(mapping) => mapping.base(),
        }
    }

    pub fn len(&self) -> usize {
        match &self.memory {
            Memory::Persistent(view) => view.len(),
            Memory::Shared(mapping) => mapping.len(),
        }
    }

    pub fn contains(&self, address: usize) -> bool {
        (self.base()..self.base() + self.len()).contains(&address)
    }

    /// The same part of a section's memory, mapped once more.
    pub fn again(&self, state: &State) -> Option<Mapping> {
        let section = state.sections.get(&self.section)?;
        let Backing::PageFile(memory) = &section.backing else {
            return None;
        };
        memory
            .map(self.offset, self.len() as u64, self.writable)
            .ok()
    }
}

impl State {
    /// Sections that are there for another reason than a view.
    pub fn sections_without_views(&self) -> usize {
        let sections = self.sections.keys();
        let has_view = |section| self.views.values().any(|view| view.section == section);
        sections.filter(|section| !has_view(**section)).count()
    }
}

/// What ZwMapViewOfSection is called with.
pub(crate) struct MapRequest {
    pub section: u64,
    pub offset: u64,
    /// Zero for everything from the offset on.
    pub size: u64,
    pub protection: u32,
}

/// The bytes of a section that a view of it shows.
fn window(section: &Section, request: &MapRequest) -> Result<u64, NtStatus> {
    if !request.offset.is_multiple_of(GRANULARITY) {
        return Err(NtStatus::MAPPED_ALIGNMENT);
    }
    let whole = section.size.next_multiple_of(PAGE);
    let left = whole.checked_sub(request.offset).filter(|left| *left > 0);
    let left = left.ok_or(NtStatus::INVALID_VIEW_SIZE)?;
    if request.size == 0 {
        return Ok(left);
    }
    let size = request.size.checked_next_multiple_of(PAGE);
    size.filter(|size| *size <= left)
        .ok_or(NtStatus::INVALID_VIEW_SIZE)
}

impl Kernel {
    /// ZwMapViewOfSection (nf-wdm-zwmapviewofsection): base and size.
    ///
    /// An offset that the page says is rounded down is refused as Windows does: a driver that
    /// relies on neither is right.
    pub fn map_view_of_section(&self, request: &MapRequest) -> Result<(usize, usize), NtStatus> {
        let write = match request.protection {
            PAGE_READONLY => false,
            PAGE_READWRITE => true,
            _ => return Err(NtStatus::INVALID_PAGE_PROTECTION),
        };
        let needed = if write {
            SECTION_MAP_READ | SECTION_MAP_WRITE
        } else {
            SECTION_MAP_READ
        };
        let mut state = self.lock();
        let entry = state.handle(request.section)?;
        let Target::Section(address) = entry.target else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        if granted(entry.access) & needed != needed {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let section = state.sections.get(&address);
        let section = section.ok_or(NtStatus::INVALID_HANDLE)?;
        if write && !section.writable {
            return Err(NtStatus::SECTION_PROTECTION);
        }
        let len = window(section, request)?;
        let memory = match &section.backing {
            Backing::File { file, .. } => {
                if !thread::in_system() {
                    self.violation("view", "a view was mapped into the process of the caller");
                }
                let region = state.fcb(*file)?.region;
                let view = self.pmem.map(region + request.offset, len, write);
                Memory::Persistent(view.map_err(|_| NtStatus::NO_MEMORY)?)
            }
            Backing::PageFile(memory) => {
                let mapping = memory.map(request.offset, len, write);
                Memory::Shared(mapping.map_err(|_| NtStatus::NO_MEMORY)?)
            }
        };
        let view = SectionView {
            memory,
            section: address,
            process: thread::current_process(),
            offset: request.offset,
            writable: write,
        };
        let (base, size) = (view.base(), view.len());
        if let Some(section) = state.sections.get_mut(&address) {
            section.references += 1;
        }
        state.unmapped_by_programs.remove(&base);
        state.views.insert(base, view);
        Ok((base, size))
    }

    /// ZwUnmapViewOfSection (nf-wdm-zwunmapviewofsection); any address in the view will do.
    pub fn unmap_view_of_section(self: &Arc<Self>, address: usize) -> NtStatus {
        let mut state = self.lock();
        let found = state.views.iter().find(|(_, view)| view.contains(address));
        let Some((base, process)) = found.map(|(base, view)| (*base, view.process)) else {
            let known = state.unmapped_by_programs.contains(&address);
            drop(state);
            // A program may unmap what is in its process; the driver cannot know.
            if !known {
                self.violation("view", &format!("{address:#x} was unmapped and is no view"));
            }
            return NtStatus::NOT_MAPPED_VIEW;
        };
        if process != thread::current_process() {
            drop(state);
            let here = thread::current_process();
            let detail =
                format!("a view in process {process:#x} was unmapped in process {here:#x}");
            self.violation("view", &detail);
            return NtStatus::NOT_MAPPED_VIEW;
        }
        let view = state.views.remove(&base);
        drop(state);
        self.drop_view(view);
        NtStatus::SUCCESS
    }

    /// UnmapViewOfFile, by a program.
    pub fn unmap_by_program(self: &Arc<Self>, address: usize) -> Result<(), NtStatus> {
        let mut state = self.lock();
        let here = thread::process();
        let mine = |view: &SectionView| view.process == here && view.contains(address);
        let found = state.views.iter().find(|(_, view)| mine(view));
        let base = *found.ok_or(NtStatus::NOT_MAPPED_VIEW)?.0;
        let view = state.views.remove(&base);
        state.unmapped_by_programs.insert(base);
        drop(state);
        self.drop_view(view);
        Ok(())
    }

    /// The address space of a process is gone.
    pub fn unmap_process(self: &Arc<Self>, process: u64) {
        loop {
            let mut state = self.lock();
            let mut views = state.views.iter();
            let found = views.find(|(_, view)| view.process == process);
            let Some(base) = found.map(|(base, _)| *base) else {
                return;
            };
            let view = state.views.remove(&base);
            state.unmapped_by_programs.insert(base);
            drop(state);
            self.drop_view(view);
        }
    }

    /// Unmaps, and lets the section go.
    fn drop_view(self: &Arc<Self>, view: Option<SectionView>) {
        if let Some(view) = view {
            let section = view.section;
            drop(view);
            self.dereference_section(section);
        }
    }
}
