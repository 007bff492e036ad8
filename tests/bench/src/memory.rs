//! The memory that everybody works on.

use std::{io, ptr};

pub const LINE: usize = 64;

/// Anonymous memory, all of it present, in large pages where the system has them.
pub struct Memory {
    mapping: *mut libc::c_void,
    size: usize,
}

impl Memory {
    pub fn new(size: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: our own mapping; the advice may be declined.
        unsafe {
            libc::madvise(mapping, size, libc::MADV_HUGEPAGE);
            mapping.cast::<u8>().write_bytes(1, size);
        }
        Ok(Self { mapping, size })
    }

    pub fn base(&self) -> usize {
        self.mapping.expose_provenance()
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Stores to each line of a part, so that it is dirty in the caches.
    pub fn dirty(&self, offset: usize, size: usize) {
        for line in (offset..offset + size).step_by(LINE) {
            self.store(line);
        }
    }

    /// Stores 8 bytes.
    #[inline]
    pub fn store(&self, offset: usize) {
        assert!(offset + 8 <= self.size);
        // SAFETY: inside the mapping, which nobody has a reference to.
        unsafe {
            let place = self.mapping.byte_add(offset).cast::<u64>();
            place.write_volatile(place.read_volatile().wrapping_add(1));
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: our own mapping.
        unsafe { libc::munmap(self.mapping, self.size) };
    }
}
