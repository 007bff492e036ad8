//! Changing the size of a file, and emptying it.

use crate::{NtStatus, kernel::Kernel};
use ntsim_machine::pmem::{LINE, PAGE};
use std::sync::Arc;

impl Kernel {
    /// Sets the end of the file. What is cut off reads as zero when the file grows again.
    pub fn set_size(self: &Arc<Self>, id: u64, size: u64) -> Result<(), NtStatus> {
        self.set_size_and_allocation(id, size, 0)
    }

    /// Sets the end of the file, with room for as many bytes or more.
    pub fn set_size_and_allocation(
        self: &Arc<Self>,
        id: u64,
        size: u64,
        allocation: u64,
    ) -> Result<(), NtStatus> {
        if size.max(allocation) > self.region_bytes() {
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
        let mut state = self.lock();
        let fcb = state.fcb_mut(id)?;
        fcb.set_sizes(size, fcb.valid_data_length, allocation);
        Ok(())
    }

    /// Zeroes what a truncation cuts off. Whole lines belong to nobody from then on; the rest of a
    /// line that the file keeps is zeroed by stores like any other, which are not durable. What
    /// programs have stored through views beyond the end, up to the end of its page, goes too.
    fn zero_tail(&self, region: u64, size: u64, old: u64) {
        let (whole, end) = (size.next_multiple_of(LINE), old.next_multiple_of(PAGE));
        let zeroed = self
            .pmem
            .write(region + size, &vec![0; (whole - size) as usize]);
        zeroed.expect("the device holds every region");
        let cut = self
            .pmem
            .zero_durable(region + whole, end.saturating_sub(whole));
        cut.expect("the device holds every region");
    }

    /// Overwrites a file: it loses its data, and its alternate data streams.
    pub fn empty(self: &Arc<Self>, id: u64) -> Result<(), NtStatus> {
        let streams = self.streams_of(id);
        for stream in &streams {
            self.purge_sections(*stream)?;
        }
        self.set_size(id, 0)?;
        for stream in streams {
            self.set_size(stream, 0)?;
            self.delete_stream(stream);
        }
        Ok(())
    }
}
