//! Memory between inaccessible pages, with a 4 GiB boundary in its middle.

use std::{io, ptr, slice};

/// Bytes in the smallest page.
pub const PAGE: usize = 4096;
const GIB_4: usize = 1 << 32;

/// Readable and writable memory. What lies beyond it faults.
#[derive(Debug)]
pub struct Arena {
    mapping: *mut libc::c_void,
    size: usize,
}

impl Arena {
    /// `pages` pages, half of them (rounded down) below a multiple of 4 GiB.
    ///
    /// # Errors
    /// The system's, if no such place is free.
    pub fn new(pages: usize) -> io::Result<Self> {
        let size = pages * PAGE;
        let mut failure = io::Error::from(io::ErrorKind::OutOfMemory);
        for boundary in 2..4096 {
            let place = boundary * GIB_4 - pages / 2 * PAGE - PAGE;
            match Self::map_at(place, size) {
                Ok(arena) => return Ok(arena),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn map_at(place: usize, size: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let hint = ptr::without_provenance_mut(place);
        // SAFETY: a new mapping that replaces no other.
        let mapping = unsafe { libc::mmap(hint, size + 2 * PAGE, libc::PROT_NONE, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let arena = Self { mapping, size };
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: pages of our own mapping.
        let failed = unsafe { libc::mprotect(mapping.byte_add(PAGE), size, protection) };
        // Kernels and emulators that do not know the flag take the place as a hint.
        if failed != 0 || mapping.addr() != place {
            return Err(io::Error::last_os_error());
        }
        Ok(arena)
    }

    /// Changes what may be done with the memory: `PROT_*`.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn protect(&mut self, protection: i32) {
        // SAFETY: pages of our own mapping, of which nobody has a slice.
        let failed = unsafe { libc::mprotect(self.mapping.byte_add(PAGE), self.size, protection) };
        assert_eq!(failed, 0, "{}", io::Error::last_os_error());
    }

    /// Address of the first byte.
    #[must_use]
    pub fn base(&self) -> usize {
        self.mapping.expose_provenance() + PAGE
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: readable and initialized as long as the arena lives; who changes it has it
        // exclusively.
        unsafe { slice::from_raw_parts(self.mapping.cast::<u8>().add(PAGE), self.size) }
    }

    /// The bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and writable.
        unsafe { slice::from_raw_parts_mut(self.mapping.cast::<u8>().add(PAGE), self.size) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: our own mapping; nothing refers to it any more.
        unsafe { libc::munmap(self.mapping, self.size + 2 * PAGE) };
    }
}
