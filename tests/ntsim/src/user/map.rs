//! Views of files in programs.

use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{ACQUIRE_FOR_SECTION_SYNCHRONIZATION, RELEASE_FOR_SECTION_SYNCHRONIZATION},
    objects::Handle,
};
use ntsim_machine::pmem::View;

const PAGE_READONLY: u32 = 2;
const PAGE_READWRITE: u32 = 4;

/// A view of a file in the program's address space.
pub struct MappedView {
    view: View,
    file: u64,
    pub(super) file_object: usize,
    pub(super) volume: usize,
    writable: bool,
}

impl MappedView {
    /// Address of the first byte.
    pub fn base(&self) -> usize {
        self.view.base()
    }

    /// Length in bytes, up to the end of the last page.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// CPU stores.
    ///
    /// # Panics
    /// The range is not within the view.
    pub fn store(&self, offset: u64, data: &[u8]) {
        self.view.store(offset as usize, data);
    }
}

impl Sim {
    /// CreateFileMapping and MapViewOfFile of a part of a file.
    ///
    /// # Errors
    /// As theirs; the range must be within the file and begin on a page.
    pub fn map_view(
        &self,
        handle: Handle,
        offset: u64,
        length: u64,
        writable: bool,
    ) -> Result<MappedView, NtStatus> {
        let file = self.opened(handle)?;
        let (size, region) = {
            let state = self.kernel.lock();
            let fcb = state.fcb(file.file)?;
            (fcb.size, fcb.region)
        };
        let end = offset
            .checked_add(length)
            .ok_or(NtStatus::INVALID_VIEW_SIZE)?;
        if length == 0 || !offset.is_multiple_of(4096) || end > size {
            return Err(NtStatus::INVALID_VIEW_SIZE);
        }
        let protection = if writable {
            PAGE_READWRITE
        } else {
            PAGE_READONLY
        };
        let sync = Parameters::SectionSync { protection };
        let (volume, object) = (file.volume, file.object);
        self.dispatch(
            ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
            volume,
            object,
            sync,
            || Ok(0),
        )?;
        let release = RELEASE_FOR_SECTION_SYNCHRONIZATION;
        self.dispatch(release, volume, object, Parameters::None, || Ok(0))?;
        let view = self
            .kernel
            .pmem
            .map(region + offset, length.next_multiple_of(4096), writable);
        let view = view.map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        let mut state = self.kernel.lock();
        let fcb = state.fcb_mut(file.file)?;
        fcb.user_views += 1;
        fcb.writable_views += u32::from(writable);
        if let Some(kept) = state.file_objects.get_mut(&object) {
            kept.references += 1;
            kept.own += 1;
        }
        Ok(MappedView {
            view,
            file: file.file,
            file_object: object,
            volume,
            writable,
        })
    }

    /// UnmapViewOfFile.
    pub fn unmap_view(&self, view: MappedView) {
        if let Ok(fcb) = self.kernel.lock().fcb_mut(view.file) {
            fcb.user_views -= 1;
            fcb.writable_views -= u32::from(view.writable);
        }
        self.release(view.file_object);
    }
}
