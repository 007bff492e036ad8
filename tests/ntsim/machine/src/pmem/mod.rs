//! A simulated persistent-memory device.
//!
//! The volatile contents (what the processors see: caches over media) live in a sparse memory file
//! that views map shared. The *durable image* holds what would survive a power cut for certain;
//! lines reach it so:
//!
//! - a plain store changes only the volatile contents;
//! - CLWB or CLFLUSHOPT takes a snapshot of the 64-byte line, in flight for the executing thread;
//! - SFENCE or MFENCE of the same thread makes its snapshots durable;
//! - CLFLUSH is ordered and makes the line durable at once;
//! - a non-temporal store is in flight for its own bytes until the thread's next fence.
//!
//! What is volatile or in flight may or may not survive, decided for each aligned 8 bytes:
//! [`Pmem::survivors`].

mod device;
mod durable;
mod journal;
mod survivors;
mod views;

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

pub(crate) use device::{Device, memory_file, observe_fence};
use durable::LineBytes;
pub use journal::{JournalEntry, Journaled};
pub use survivors::{Policy, Survivors};
pub(crate) use views::with_translation;
pub use views::{MapError, View};

/// Bytes in a cache line: the unit of flushing.
pub const LINE: u64 = 64;
/// Bytes in a page: the unit of mapping.
pub const PAGE: u64 = 4096;
/// Bytes that a power cut never tears, when aligned.
pub const UNIT: u64 = 8;

/// Tells devices of one process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub(crate) u32);

/// A place on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The device.
    pub device: DeviceId,
    /// Bytes from the start of the device.
    pub offset: u64,
}

/// A range of a device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Bytes from the start of the device.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// A persistent-memory device. Clones are handles to the same device.
#[derive(Clone, Debug)]
pub struct Pmem {
    device: Arc<Device>,
}

impl Pmem {
    /// A zeroed device of `bytes`, rounded up to whole pages. It is sparse: only pages that were
    /// written take memory.
    ///
    /// # Errors
    /// The system's, if it cannot make the memory file.
    pub fn new(bytes: u64) -> io::Result<Pmem> {
        let size = bytes
            .checked_next_multiple_of(PAGE)
            .ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Pmem {
            device: Device::new(size)?,
        })
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.device.size
    }

    /// Which device this is.
    pub fn id(&self) -> DeviceId {
        self.device.id
    }

    /// Maps `len` bytes (rounded up to pages) from the page-aligned `offset`.
    ///
    /// # Errors
    /// [`MapError`] if the range is not on the device or the system refuses.
    pub fn map(&self, offset: u64, len: u64, writable: bool) -> Result<View, MapError> {
        let len = len
            .checked_next_multiple_of(PAGE)
            .ok_or(MapError::OutsideDevice)?;
        self.map_extents(&[Extent { offset, len }], writable)
    }

    /// Maps page-aligned extents side by side, as one contiguous view.
    ///
    /// # Errors
    /// [`MapError`] if an extent is not page-aligned or not on the device, or the system refuses.
    pub fn map_extents(&self, extents: &[Extent], writable: bool) -> Result<View, MapError> {
        View::new(self, extents, writable)
    }

    /// The device offset behind an address in one of this device's views. Lock-free, for use in
    /// signal handlers.
    pub fn translate(&self, va: usize) -> Option<u64> {
        views::with_translation(va, |device, offset| {
            (device.id == self.device.id).then_some(offset)
        })
        .flatten()
    }

    /// Reads the volatile contents, as a load would see them.
    ///
    /// # Errors
    /// `UnexpectedEof` outside the device.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.device.file.read_exact_at(buf, offset)
    }

    /// A plain store of the host: changes the volatile contents only.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check(offset, data.len() as u64)?;
        self.device.observe_store(offset, data);
        self.device.file.write_all_at(data, offset)
    }

    /// Reads what would survive a power cut for certain.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn read_durable(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.check(offset, buf.len() as u64)?;
        self.device.durable().read(offset, buf);
        Ok(())
    }

    /// A store that is durable when it returns, for a file system's own metadata. Whole lines are
    /// taken.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn write_durable(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write(offset, data)?;
        self.format_durable(offset, data.len() as u64)
    }

    /// Declares the contents of a range durable as they are now; nothing of it stays in flight.
    /// Whole lines are taken.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn format_durable(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check(offset, len)?;
        let (start, end) = lines(offset, len);
        let mut durable = self.device.durable();
        durable.forget(start, end);
        self.device
            .journal
            .add(|| JournalEntry::Declared { start, end });
        self.device
            .for_data(start, end, |at, bytes| durable.write(at, bytes))
    }

    /// Makes a line-aligned range zero and durable, giving its memory back: fresh and freed
    /// extents.
    ///
    /// # Errors
    /// `InvalidInput` outside the device or when `offset` or `len` is not a multiple of [`LINE`].
    pub fn zero_durable(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check(offset, len)?;
        if !offset.is_multiple_of(LINE) || !len.is_multiple_of(LINE) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.device.punch_hole(offset, len)?;
        let mut durable = self.device.durable();
        durable.forget(offset, offset + len);
        self.device.journal.add(|| JournalEntry::Zeroed {
            start: offset,
            end: offset + len,
        });
        Ok(())
    }

    /// Flushes the lines of a range as if the calling thread executed CLWB on each.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn flush(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check(offset, len)?;
        let (start, end) = lines(offset, len);
        let thread = crate::current_thread();
        for line in (start..end).step_by(LINE as usize) {
            let mut bytes = LineBytes::default();
            self.read(line, &mut bytes.0)?;
            self.device.observe_flush(thread, line, bytes.0);
        }
        Ok(())
    }

    /// Drains the calling thread's flushes of this device as if it executed SFENCE.
    pub fn drain(&self) {
        self.device.observe_fence(crate::current_thread());
    }

    /// The lines of a range that a power cut now may leave other than the processors see them:
    /// their volatile contents or a snapshot in flight differs from the durable image. Offsets,
    /// ascending.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn unsafe_lines(&self, offset: u64, len: u64) -> io::Result<Vec<u64>> {
        self.check(offset, len)?;
        let (start, end) = lines(offset, len);
        let durable = self.device.durable();
        let mut found = durable.lines_to_check(start, end);
        self.device.for_data(start, end, |at, bytes| {
            let lines = bytes
                .chunks(LINE as usize)
                .zip((at..).step_by(LINE as usize));
            found.extend(
                lines
                    .filter(|(b, line)| durable.line(*line).0 != **b)
                    .map(|(_, line)| line),
            );
        })?;
        found.retain(|&line| {
            let mut now = LineBytes::default();
            durable.in_flight(line).next().is_some()
                || self.read(line, &mut now.0).is_err()
                || now != durable.line(line)
        });
        Ok(found.into_iter().collect())
    }

    /// The power goes off now: what the device holds when it comes back. Changes nothing.
    pub fn survivors(&self, policy: Policy) -> Survivors {
        Survivors::new(self.clone(), policy)
    }

    /// Begins a journal of all that happens to the device from now on.
    pub fn start_journal(&self) {
        self.device.journal.start();
    }

    /// Ends the journal and returns it.
    pub fn take_journal(&self) -> Vec<Journaled> {
        self.device.journal.take()
    }

    /// Entries in the journal.
    pub fn journaled(&self) -> usize {
        self.device.journal.len()
    }

    /// Tells the journal of a plain store that the host is about to make, or has just made, by itself
    /// at an address in a view.
    pub fn tell_store(&self, offset: u64, data: &[u8]) {
        self.device.observe_store(offset, data);
    }

    /// Puts a number into the journal, whatever it means.
    pub fn mark(&self, mark: u64) {
        self.device.journal.add(|| JournalEntry::Mark(mark));
    }

    /// Says which instruction made the last entry, for a probe of the oracle.
    pub fn annotate(&self, instruction: usize) {
        self.device.journal.annotate(instruction);
    }

    fn check(&self, offset: u64, len: u64) -> io::Result<()> {
        let inside = offset
            .checked_add(len)
            .is_some_and(|end| end <= self.device.size);
        if inside {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }
}

/// The whole lines that a byte range touches: start and end.
fn lines(offset: u64, len: u64) -> (u64, u64) {
    (
        offset - offset % LINE,
        if len == 0 {
            offset - offset % LINE
        } else {
            (offset + len).next_multiple_of(LINE)
        },
    )
}
