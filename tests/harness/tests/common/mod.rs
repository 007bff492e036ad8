//! Memory to store to, without any driver.

use daxctl::client::{Mapping, PAGE};
use std::{
    io,
    ptr::{null_mut, with_exposed_provenance, with_exposed_provenance_mut},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Anonymous memory.
pub struct Anonymous {
    base: usize,
    bytes: usize,
}

impl Anonymous {
    /// Zeroed pages.
    pub fn new(pages: usize) -> Self {
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        let bytes = pages * PAGE;
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let base = unsafe { libc::mmap(null_mut(), bytes, protection, flags, -1, 0) };
        assert_ne!(
            base,
            libc::MAP_FAILED,
            "mmap: {}",
            io::Error::last_os_error()
        );
        Self {
            base: base.expose_provenance(),
            bytes,
        }
    }

    /// An aligned word.
    pub fn load(&self, offset: usize) -> u64 {
        assert!(offset.is_multiple_of(8) && offset < self.bytes);
        let word = with_exposed_provenance::<u64>(self.base + offset).cast_mut();
        // SAFETY: in our own mapping, aligned, and stored to as an atomic only.
        unsafe { AtomicU64::from_ptr(word) }.load(Relaxed)
    }
}

// SAFETY: whole pages, writable until they are dropped, and read as atomics only.
unsafe impl Mapping for Anonymous {
    fn base(&self) -> usize {
        self.base
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Anonymous {
    fn drop(&mut self) {
        // SAFETY: our own mapping.
        unsafe { libc::munmap(with_exposed_provenance_mut(self.base), self.bytes) };
    }
}
