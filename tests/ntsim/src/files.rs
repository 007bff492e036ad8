//! The DAX file system: files whose pages are the persistent memory. Its metadata is journalled,
//! so names and sizes are durable at once; data is not until its lines are flushed and drained.

use crate::{
    NtStatus,
    contexts::Place,
    kernel::{Kernel, State},
    nt::{Block, file_object, put},
};
use ntsim_machine::pmem::LINE;
use std::sync::Arc;

/// Address space of the device for each file, so that files never move.
pub(crate) const REGION: u64 = 1 << 30;

#[derive(Default)]
pub(crate) struct Regions {
    next: u64,
    free: Vec<u64>,
}

/// A stream, as its file control block.
pub(crate) struct Fcb {
    pub volume: usize,
    /// Upper-cased path; nothing once the file is deleted.
    pub name: Option<String>,
    pub size: u64,
    /// Where the file begins on the device.
    pub region: u64,
    pub handles: u32,
    pub file_objects: u32,
    pub delete_pending: bool,
    pub stream_context: Option<usize>,
    /// The context of the filter's section for data scan.
    pub data_scan: Option<usize>,
    /// Views in user processes, and those of them that can be written.
    pub user_views: u32,
    pub writable_views: u32,
    /// SECTION_OBJECT_POINTERS (ns-wdm-_section_object_pointers), one for all file objects.
    pub section_object_pointers: Block,
}

impl State {
    pub fn fcb(&self, id: u64) -> Result<&Fcb, NtStatus> {
        self.files.get(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn fcb_mut(&mut self, id: u64) -> Result<&mut Fcb, NtStatus> {
        self.files.get_mut(&id).ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn find_file(&self, volume: usize, name: &str) -> Option<u64> {
        let named = |fcb: &Fcb| fcb.volume == volume && fcb.name.as_deref() == Some(name);
        self.files
            .iter()
            .find(|(_, fcb)| named(fcb))
            .map(|(id, _)| *id)
    }

    pub fn new_file(&mut self, volume: usize, name: String, limit: u64) -> Result<u64, NtStatus> {
        let region = match self.regions.free.pop() {
            Some(region) => region,
            None if self.regions.next + REGION <= limit => {
                self.regions.next += REGION;
                self.regions.next - REGION
            }
            None => return Err(NtStatus::DISK_FULL),
        };
        self.next_file += 1;
        let fcb = Fcb {
            volume,
            name: Some(name),
            size: 0,
            region,
            handles: 0,
            file_objects: 0,
            delete_pending: false,
            stream_context: None,
            data_scan: None,
            user_views: 0,
            writable_views: 0,
            section_object_pointers: Block::zeroed(24),
        };
        self.files.insert(self.next_file, fcb);
        Ok(self.next_file)
    }
}

impl Kernel {
    /// Stores data as a copy through the cache manager does: with plain CPU stores.
    pub fn write(&self, id: u64, offset: u64, data: &[u8]) -> Result<usize, NtStatus> {
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(NtStatus::INVALID_PARAMETER)?;
        if end > REGION {
            return Err(NtStatus::DISK_FULL);
        }
        let region = {
            let mut state = self.lock();
            let fcb = state.fcb_mut(id)?;
            fcb.size = fcb.size.max(end);
            fcb.region
        };
        self.pmem
            .write(region + offset, data)
            .expect("the device holds every region");
        Ok(data.len())
    }

    pub fn read(&self, id: u64, offset: u64, data: &mut [u8]) -> Result<usize, NtStatus> {
        let (region, size) = {
            let state = self.lock();
            let fcb = state.fcb(id)?;
            (fcb.region, fcb.size)
        };
        if offset >= size {
            return Err(NtStatus::END_OF_FILE);
        }
        let count = data.len().min((size - offset) as usize);
        self.pmem
            .read(region + offset, &mut data[..count])
            .expect("the device holds every region");
        Ok(count)
    }

    /// Sets the end of the file. What is cut off reads as zero when the file grows again.
    pub fn set_size(self: &Arc<Self>, id: u64, size: u64) -> Result<(), NtStatus> {
        if size > REGION {
            return Err(NtStatus::DISK_FULL);
        }
        let (old, region) = {
            let state = self.lock();
            let fcb = state.fcb(id)?;
            (fcb.size, fcb.region)
        };
        if size < old {
            self.purge_sections(id)?;
            self.zero_tail(region, size, old);
        }
        self.lock().fcb_mut(id)?.size = size;
        Ok(())
    }

    /// Zeroes what a truncation cuts off. Whole lines belong to nobody from then on; the rest of a
    /// line that the file keeps is zeroed by stores like any other, which are not durable.
    fn zero_tail(&self, region: u64, size: u64, old: u64) {
        let (whole, end) = (size.next_multiple_of(LINE), old.next_multiple_of(LINE));
        let zeroed = self
            .pmem
            .write(region + size, &vec![0; (whole - size) as usize]);
        zeroed.expect("the device holds every region");
        let cut = self
            .pmem
            .zero_durable(region + whole, end.saturating_sub(whole));
        cut.expect("the device holds every region");
    }

    /// The last reference to a file object is gone: IRP_MJ_CLOSE, and perhaps the stream with it.
    pub fn close_file_object(self: &Arc<Self>, address: usize) {
        let Some(file) = self.lock().file_objects.remove(&address) else {
            return;
        };
        let Some(id) = file.file else { return };
        let gone = {
            let mut state = self.lock();
            let Ok(fcb) = state.fcb_mut(id) else { return };
            fcb.file_objects -= 1;
            fcb.file_objects == 0
        };
        if gone {
            // The file system tears down the stream, and the Filter Manager its contexts.
            self.detach_context(&Place::Stream(id));
            self.free_if_deleted(id);
        }
    }

    /// A handle's cleanup: the last one of a file to be deleted deletes it.
    pub fn cleanup(&self, id: u64, file: usize) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        fcb.handles -= 1;
        if fcb.handles == 0 && fcb.delete_pending {
            fcb.name = None;
            // SAFETY: a file object of ours.
            unsafe { put(file, file_object::DELETE_PENDING, 1_u8) };
        }
        Ok(0)
    }

    fn free_if_deleted(&self, id: u64) {
        let mut state = self.lock();
        let Some(fcb) = state.files.get(&id).filter(|fcb| fcb.name.is_none()) else {
            return;
        };
        let (region, size) = (fcb.region, fcb.size);
        state.files.remove(&id);
        let freed = self.pmem.zero_durable(region, size.next_multiple_of(LINE));
        freed.expect("the device holds every region");
        state.regions.free.push(region);
    }
}
