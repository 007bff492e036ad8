//! Ordinary memory that can be mapped several times, as a page-file section is.

use crate::pmem::{PAGE, memory_file};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU64;

/// Zeroed memory without an address. What is mapped stays when this is dropped.
#[derive(Debug)]
pub struct SharedMemory {
    file: File,
    size: u64,
}

impl SharedMemory {
    /// Memory of `bytes`, rounded up to whole pages.
    ///
    /// # Errors
    /// The system's, if it cannot make the memory file, and `InvalidInput` for no bytes.
    pub fn new(bytes: u64) -> io::Result<SharedMemory> {
        let size = bytes.checked_next_multiple_of(PAGE);
        let size = size
            .filter(|size| *size > 0)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let file = memory_file()?;
        file.set_len(size)?;
        Ok(SharedMemory { file, size })
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Maps `len` bytes from the page-aligned `offset`.
    ///
    /// # Errors
    /// `InvalidInput` outside the memory or off a page, and the system's.
    pub fn map(&self, offset: u64, len: u64, writable: bool) -> io::Result<Mapping> {
        let inside = offset
            .checked_add(len)
            .is_some_and(|end| end <= self.size && len > 0);
        if !inside || !offset.is_multiple_of(PAGE) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let protection = if writable {
            libc::PROT_READ | libc::PROT_WRITE
        } else {
            libc::PROT_READ
        };
        let (fd, at) = (self.file.as_raw_fd(), offset as i64);
        let (null, len) = (std::ptr::null_mut(), len as usize);
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let base = unsafe { libc::mmap(null, len, protection, libc::MAP_SHARED, fd, at) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = base as usize;
        Ok(Mapping { base, len })
    }
}

/// A part of [`SharedMemory`] at an address. Dropping it unmaps it.
#[derive(Debug)]
pub struct Mapping {
    base: usize,
    len: usize,
}

impl Mapping {
    /// Address of the first byte.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Length in bytes.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.len
    }

    /// The 8 aligned bytes number `index`, which others may change at any time.
    pub fn word(&self, index: usize) -> Option<&AtomicU64> {
        let last = self.len.checked_sub(8)?;
        let offset = index.checked_mul(8).filter(|at| *at <= last)?;
        // SAFETY: aligned, within the mapping, which lives as long as the reference.
        Some(unsafe { &*((self.base + offset) as *const AtomicU64) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping; its owner decided that nobody uses it any more.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    #[test]
    fn two_mappings_are_the_same_memory() {
        let memory = SharedMemory::new(5000).expect("memory");
        assert_eq!(memory.size(), 8192);
        let one = memory.map(0, 8192, true).expect("a mapping");
        let two = memory.map(4096, 4096, false).expect("a mapping");
        one.word(513).expect("inside").store(7, SeqCst);
        assert_eq!(two.word(1).expect("inside").load(SeqCst), 7);
        assert!(two.word(512).is_none() && two.word(usize::MAX).is_none());
    }

    #[test]
    fn what_is_not_there_is_not_mapped() {
        let memory = SharedMemory::new(4096).expect("memory");
        for (offset, len) in [(0, 0), (4096, 4096), (1, 10), (0, 8192), (u64::MAX, 2)] {
            assert!(memory.map(offset, len, false).is_err(), "{offset} {len}");
        }
        assert!(SharedMemory::new(0).is_err());
    }
}
