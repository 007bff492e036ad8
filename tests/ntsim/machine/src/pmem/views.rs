//! Views of a device, and the way back from an address to the device.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

use super::{Device, Extent, PAGE, Pmem};

/// Why a view could not be mapped.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// No extents, or an empty one.
    #[error("nothing to map: a view needs at least one extent and no extent may be empty")]
    Empty,
    /// An extent's offset or length is not a multiple of [`PAGE`].
    #[error("extent {0:?} is not page-aligned: offset and length must be multiples of 4096")]
    Unaligned(Extent),
    /// An extent ends beyond the device.
    #[error("the range is not on the device")]
    OutsideDevice,
    /// The system refused.
    #[error("mmap: {0}")]
    System(#[from] io::Error),
}

/// Extents of a device mapped side by side. Dropping it unmaps it.
#[derive(Debug)]
pub struct View {
    pmem: Pmem,
    extents: Vec<Extent>,
    space: AddressSpace,
}

impl View {
    pub(super) fn new(pmem: &Pmem, extents: &[Extent], writable: bool) -> Result<View, MapError> {
        let len = checked_len(pmem, extents)?;
        let space = AddressSpace::reserve(len)?;
        let mut at = space.base;
        for extent in extents {
            map_fixed(&pmem.device, at, extent, writable)?;
            at += extent.len as usize;
        }
        let view = View {
            pmem: pmem.clone(),
            extents: extents.to_vec(),
            space,
        };
        publish(&view);
        Ok(view)
    }

    /// Address of the first byte.
    pub fn base(&self) -> usize {
        self.space.base
    }

    /// Length in bytes.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.space.len
    }

    /// The device.
    pub fn device(&self) -> &Pmem {
        &self.pmem
    }

    /// Stores of the host through the view, which may fault if it is read-only.
    ///
    /// # Panics
    /// The range is not within the view.
    pub fn store(&self, offset: usize, data: &[u8]) {
        let end = offset.checked_add(data.len());
        assert!(
            end.is_some_and(|end| end <= self.len()),
            "a store beyond the view"
        );
        let mut start = 0;
        for extent in &self.extents {
            let extent_end = start + extent.len as usize;
            let (from, to) = (offset.max(start), (offset + data.len()).min(extent_end));
            if from < to {
                let part = &data[from - offset..to - offset];
                let place = extent.offset + (from - start) as u64;
                self.pmem.device.observe_store(place, part);
            }
            start = extent_end;
        }
        let target = (self.base() + offset) as *mut u8;
        // SAFETY: within the view, which nothing borrows.
        unsafe { target.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }

    /// The extents, in the order in which they are mapped.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let (start, end) = (self.base(), self.base() + self.len());
        TABLE.rcu(|table| -> Vec<Range> {
            table
                .iter()
                .filter(|r| r.end <= start || r.start >= end)
                .cloned()
                .collect()
        });
    }
}

/// One contiguous piece of a view.
#[derive(Clone)]
struct Range {
    start: usize,
    end: usize,
    offset: u64,
    device: Arc<Device>,
}

/// All views of all devices, ascending and disjoint. Readers never wait.
static TABLE: LazyLock<ArcSwap<Vec<Range>>> = LazyLock::new(Default::default);

fn publish(view: &View) {
    let mut start = view.base();
    let ranges: Vec<Range> = view
        .extents
        .iter()
        .map(|extent| {
            let end = start + extent.len as usize;
            let device = Arc::clone(&view.pmem.device);
            let range = Range {
                start,
                end,
                offset: extent.offset,
                device,
            };
            start = end;
            range
        })
        .collect();
    TABLE.rcu(|table| {
        let mut table = Vec::clone(table);
        let at = table.partition_point(|r| r.start < view.base());
        table.splice(at..at, ranges.iter().cloned());
        table
    });
}

/// Calls `f` with the device and offset behind `va`, if a view covers it.
pub(crate) fn with_translation<R>(va: usize, f: impl FnOnce(&Device, u64) -> R) -> Option<R> {
    let table = TABLE.load();
    let after = table.partition_point(|r| r.start <= va);
    let range = table.get(after.checked_sub(1)?)?;
    (va < range.end).then(|| f(&range.device, range.offset + (va - range.start) as u64))
}

fn checked_len(pmem: &Pmem, extents: &[Extent]) -> Result<usize, MapError> {
    let mut total = 0u64;
    for extent in extents {
        if extent.len == 0 {
            return Err(MapError::Empty);
        }
        if !extent.offset.is_multiple_of(PAGE) || !extent.len.is_multiple_of(PAGE) {
            return Err(MapError::Unaligned(*extent));
        }
        pmem.check(extent.offset, extent.len)
            .map_err(|_| MapError::OutsideDevice)?;
        total = total
            .checked_add(extent.len)
            .ok_or(MapError::OutsideDevice)?;
    }
    if total == 0 {
        Err(MapError::Empty)
    } else {
        Ok(total as usize)
    }
}

/// A range of addresses of this process that is ours. Dropping it unmaps whatever is there.
#[derive(Debug)]
struct AddressSpace {
    base: usize,
    len: usize,
}

impl AddressSpace {
    fn reserve(len: usize) -> io::Result<AddressSpace> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(AddressSpace {
            base: base as usize,
            len,
        })
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        // SAFETY: the range was reserved by us; the owner of the view decided that nobody uses it
        // any more.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.len) };
    }
}

/// Maps an extent over reserved addresses.
fn map_fixed(device: &Device, at: usize, extent: &Extent, writable: bool) -> io::Result<()> {
    let protection = if writable {
        libc::PROT_READ | libc::PROT_WRITE
    } else {
        libc::PROT_READ
    };
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    let (fd, offset) = (device.file.as_raw_fd(), extent.offset as i64);
    // SAFETY: the addresses lie in a range that the caller reserved and has not handed out yet.
    let mapped = unsafe {
        libc::mmap(
            at as *mut libc::c_void,
            extent.len as usize,
            protection,
            flags,
            fd,
            offset,
        )
    };
    if mapped == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
