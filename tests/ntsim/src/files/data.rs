//! The data of files.

use crate::{NtStatus, kernel::Kernel};

impl Kernel {
    /// Stores data as a copy through the cache manager does: with plain CPU stores.
    pub fn write(&self, id: u64, offset: u64, data: &[u8]) -> Result<usize, NtStatus> {
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(NtStatus::INVALID_PARAMETER)?;
        self.extend(id, end)?;
        let region = self.lock().fcb(id)?.region;
        self.pmem
            .write(region + offset, data)
            .expect("the device holds every region");
        Ok(data.len())
    }

    /// A write through the block stack, as the memory manager's: durable when it is done, like all
    /// that a disk is told to write. It cannot move the end of the file, and ends there.
    pub fn write_through_stack(
        &self,
        id: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, NtStatus> {
        let (size, region) = {
            let state = self.lock();
            let fcb = state.fcb(id)?;
            (fcb.size, fcb.region)
        };
        let count = (data.len() as u64).min(size.saturating_sub(offset)) as usize;
        self.write(id, offset.min(size), &data[..count])?;
        let kept = self
            .pmem
            .format_durable(region + offset.min(size), count as u64);
        kept.expect("the device holds every region");
        Ok(count)
    }

    /// Moves a file's end to at least `end`, and what counts as its data with it. What lies between
    /// is zero.
    pub fn extend(&self, id: u64, end: u64) -> Result<(), NtStatus> {
        if end > self.region_bytes() {
            return Err(NtStatus::DISK_FULL);
        }
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        let (size, valid) = (fcb.size.max(end), fcb.valid_data_length.max(end));
        fcb.set_sizes(size, valid, fcb.allocation);
        Ok(())
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
}
