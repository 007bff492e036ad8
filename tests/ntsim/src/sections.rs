//! Section objects, sections for data scan, and their views.

use crate::{
    NtStatus,
    contexts::SECTION,
    kernel::Kernel,
    nt::{Block, object_attributes},
    objects::Target,
    thread,
};
use ntsim_machine::pmem::View;
use std::sync::Arc;

pub(crate) struct Section {
    block: Block,
    pub references: u32,
    file: u64,
    file_object: usize,
    size: u64,
}

/// A view that the driver mapped in the System process.
pub(crate) struct SystemView {
    view: View,
    section: usize,
    file: u64,
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
        &self,
        instance: usize,
        file_object: usize,
        context: usize,
        attributes: u32,
        allocation: u32,
        protection: u32,
    ) -> Result<DataScanSection, NtStatus> {
        const SEC_COMMIT: u32 = 0x0800_0000;
        const PAGE_READONLY: u32 = 2;
        let mut state = self.lock();
        let volume = state
            .volumes
            .iter()
            .find(|volume| volume.instance_address() == instance);
        if !volume.ok_or(NtStatus::INVALID_PARAMETER)?.data_scan {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        if state
            .contexts
            .get(&context)
            .is_none_or(|context| context.kind != SECTION)
        {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        if allocation & SEC_COMMIT == 0 || protection == 0 {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        if protection != PAGE_READONLY {
            self.violation("section", "sections for data scan should be read-only");
        }
        if attributes & object_attributes::OBJ_KERNEL_HANDLE == 0 {
            self.violation("section", "a driver's section without OBJ_KERNEL_HANDLE");
        }
        let file = state
            .file_objects
            .get(&file_object)
            .and_then(|file| file.file);
        let file = file.ok_or(NtStatus::INVALID_PARAMETER)?;
        let fcb = state.fcb_mut(file)?;
        if fcb.size == 0 {
            return Err(NtStatus::END_OF_FILE);
        }
        if fcb.data_scan.is_some() {
            return Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED);
        }
        fcb.data_scan = Some(context);
        let size = fcb.size;
        let block = Block::zeroed(64);
        let object = block.address();
        if let Some(kept) = state.file_objects.get_mut(&file_object) {
            kept.references += 1;
            kept.own += 1;
        }
        // One reference for the handle and one for the caller's pointer.
        let section = Section {
            block,
            references: 2,
            file,
            file_object,
            size,
        };
        state.sections.insert(object, section);
        let handle = state.insert_handle(Target::Section(object), 0, true);
        drop(state);
        self.reference_context(context);
        Ok(DataScanSection {
            handle,
            object,
            file_size: size,
        })
    }

    /// nf-fltkernel-fltclosesectionfordatascan
    pub fn close_data_scan_section(self: &Arc<Self>, context: usize) -> NtStatus {
        let found = {
            let mut state = self.lock();
            let fcb = state
                .files
                .values_mut()
                .find(|fcb| fcb.data_scan == Some(context));
            fcb.map(|fcb| fcb.data_scan = None).is_some()
        };
        if !found {
            return NtStatus::NOT_FOUND;
        }
        self.release_context(context);
        NtStatus::SUCCESS
    }

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
            self.release_own(section.file_object);
        }
    }

    /// ZwMapViewOfSection (nf-wdm-zwmapviewofsection) of a whole section: base and size.
    pub fn map_system_view(&self, handle: u64) -> Result<(usize, usize), NtStatus> {
        if thread::attached() == 0 {
            self.violation("view", "a view was mapped into the process of the caller");
        }
        let mut state = self.lock();
        let entry = state.handles.get(&handle).ok_or(NtStatus::INVALID_HANDLE)?;
        let Target::Section(address) = entry.target else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        let section = state
            .sections
            .get_mut(&address)
            .ok_or(NtStatus::INVALID_HANDLE)?;
        section.references += 1;
        let (file, size) = (section.file, section.size);
        let region = state.fcb(file)?.region;
        let length = size.next_multiple_of(4096);
        let view = self.pmem.map(region, length, false);
        let view = view.map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        let base = view.base();
        state.views.insert(
            base,
            SystemView {
                view,
                section: address,
                file,
            },
        );
        Ok((base, length as usize))
    }

    pub fn unmap_system_view(self: &Arc<Self>, base: usize) -> NtStatus {
        if thread::attached() == 0 {
            self.violation("view", "a view was unmapped from the process of the caller");
        }
        let view = self.lock().views.remove(&base);
        let Some(view) = view else {
            self.violation("view", &format!("{base:#x} was unmapped and is no view"));
            return NtStatus::INVALID_PARAMETER;
        };
        debug_assert_eq!(view.view.base(), base);
        self.dereference_section(view.section);
        NtStatus::SUCCESS
    }

    /// Gets sections out of the way of a truncation: tells the filter of the conflict
    /// (nc-fltkernel-pflt_section_conflict_notification_callback), then looks what is left.
    pub fn purge_sections(self: &Arc<Self>, file: u64) -> Result<(), NtStatus> {
        let conflict = {
            let state = self.lock();
            let fcb = state.fcb(file)?;
            let callback = state
                .filter
                .as_ref()
                .map_or(0, |filter| filter.section_notification);
            let instance = state.volumes[fcb.volume].instance_address();
            fcb.data_scan
                .filter(|_| callback != 0)
                .map(|context| (callback, instance, context))
        };
        if let Some((callback, instance, context)) = conflict {
            self.reference_context(context);
            let data = Block::zeroed(crate::nt::flt_callback_data::SIZE);
            let kernel = self.clone();
            let _guard = ntsim_machine::oracle::enter_thread().expect("a thread for the driver");
            thread::run(&kernel, || {
                // SAFETY: the callback's three arguments.
                unsafe { ntsim_machine::call::call3(callback, instance, context, data.address()) }
            });
            self.release_context(context);
        }
        let state = self.lock();
        let mapped = state.views.values().any(|view| view.file == file);
        let open = state.sections.values().any(|section| section.file == file);
        if mapped || open || state.fcb(file)?.user_views != 0 {
            return Err(NtStatus::USER_MAPPED_FILE);
        }
        Ok(())
    }
}
