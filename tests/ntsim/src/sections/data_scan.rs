//! Sections for data scan: a minifilter's, of a stream.

use super::{Backing, PAGE_READONLY, PAGE_READWRITE, SEC_COMMIT, Section};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    contexts::SECTION,
    dispatch::{ACQUIRE_FOR_SECTION_SYNCHRONIZATION, RELEASE_FOR_SECTION_SYNCHRONIZATION},
    kernel::Kernel,
    nt::{file_object, get},
    objects::Target,
    thread,
};
use std::sync::{Arc, atomic::Ordering};

/// What FltCreateSectionForDataScan is called with.
pub(crate) struct DataScanRequest {
    pub instance: usize,
    pub file_object: usize,
    pub context: usize,
    pub access: u32,
    pub kernel_handle: bool,
    pub protection: u32,
    pub allocation: u32,
}

/// What FltCreateSectionForDataScan returns.
pub(crate) struct DataScanSection {
    pub handle: u64,
    pub object: usize,
    pub file_size: u64,
}

impl Kernel {
    /// nf-fltkernel-fltcreatesectionfordatascan
    pub fn create_data_scan_section(
        self: &Arc<Self>,
        request: &DataScanRequest,
    ) -> Result<DataScanSection, NtStatus> {
        self.check_data_scan(request)?;
        if request.protection == PAGE_READWRITE {
            self.synchronize_section(request.file_object)?;
        }
        let context = request.context;
        let mut state = self.lock();
        let opened = state.file_objects.get(&request.file_object);
        let file = opened.and_then(|file| file.file);
        let file = file.ok_or(NtStatus::INVALID_FILE_FOR_SECTION)?;
        let fcb = state.fcb_mut(file)?;
        if fcb.size == 0 {
            return Err(NtStatus::END_OF_FILE);
        }
        if fcb.data_scan.is_some() {
            return Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED);
        }
        fcb.data_scan = Some(context);
        let size = fcb.size;
        state.open_scans.insert(context);
        if let Some(kept) = state.file_objects.get_mut(&request.file_object) {
            kept.references += 1;
            kept.own += 1;
        }
        let backing = Backing::File {
            file,
            file_object: request.file_object,
        };
        let mut section = Section::new(backing, size, request.protection == PAGE_READWRITE);
        // Another reference, for the caller's pointer.
        section.references += 1;
        let object = section.block.address();
        state.sections.insert(object, section);
        let target = Target::Section(object);
        let handle = state.insert_handle(target, request.access, request.kernel_handle);
        state.add_reference(context);
        drop(state);
        let nth = self.data_scans.fetch_add(1, Ordering::Relaxed) + 1;
        if self.options.conflict_before_create_returns == Some(nth) {
            self.notify_conflict(file);
        }
        Ok(DataScanSection {
            handle,
            object,
            file_size: size,
        })
    }

    fn check_data_scan(&self, request: &DataScanRequest) -> Result<(), NtStatus> {
        let volume = self.instance_index(request.instance)?;
        let state = self.lock();
        if !state.volumes[volume].data_scan {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let context = state.contexts.get(&request.context);
        if context.is_none_or(|context| context.kind != SECTION) {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        drop(state);
        if ![PAGE_READONLY, PAGE_READWRITE].contains(&request.protection) {
            return Err(NtStatus::INVALID_PARAMETER_8);
        }
        if request.allocation & SEC_COMMIT == 0 {
            return Err(NtStatus::INVALID_PARAMETER_9);
        }
        // The page advises against it, as a transaction drops what is written to a file that was
        // opened to be read.
        if request.protection != PAGE_READONLY && !self.may_write(request.file_object) {
            self.violation("section", "a section to write of a file opened to be read");
        }
        if !request.kernel_handle {
            self.violation("section", "a driver's section without OBJ_KERNEL_HANDLE");
        }
        Ok(())
    }

    fn may_write(&self, file_object: usize) -> bool {
        let known = self.lock().file_objects.contains_key(&file_object);
        // SAFETY: a file object of ours.
        known && unsafe { get::<u8>(file_object, file_object::WRITE_ACCESS) } != 0
    }

    /// The memory manager acquires the file for the section, whoever creates it: no page says that a
    /// filter does not see the callbacks of its own sections.
    fn synchronize_section(self: &Arc<Self>, file_object: usize) -> Result<(), NtStatus> {
        let sim = Sim {
            kernel: self.clone(),
        };
        let volume = self
            .lock()
            .file_objects
            .get(&file_object)
            .map(|file| file.volume);
        let volume = volume.ok_or(NtStatus::INVALID_FILE_FOR_SECTION)?;
        let protection = PAGE_READWRITE;
        thread::as_program(|| {
            let acquire = ACQUIRE_FOR_SECTION_SYNCHRONIZATION;
            let sync = Parameters::SectionSync { protection };
            sim.dispatch(acquire, volume, file_object, sync, || Ok(0))?;
            let release = RELEASE_FOR_SECTION_SYNCHRONIZATION;
            sim.dispatch(release, volume, file_object, Parameters::None, || Ok(0))
        })
        .map(|_| ())
    }

    /// nf-fltkernel-fltclosesectionfordatascan
    pub fn close_data_scan_section(self: &Arc<Self>, context: usize) -> NtStatus {
        let found = {
            let mut state = self.lock();
            let fcbs = state.files.values_mut();
            for fcb in fcbs.filter(|fcb| fcb.data_scan == Some(context)) {
                fcb.data_scan = None;
            }
            state.open_scans.remove(&context)
        };
        self.conflicts.lock().expect("conflicts").remove(&context);
        if !found {
            return NtStatus::NOT_FOUND;
        }
        self.release_context(context);
        NtStatus::SUCCESS
    }
}
