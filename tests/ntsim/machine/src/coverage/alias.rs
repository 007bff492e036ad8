//! A second, writable mapping of code: what runs is never writable itself.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::image::Code;
use crate::pmem::{PAGE, memory_file};

/// Executable memory at one address, and the same memory to write to at another.
#[derive(Debug)]
pub(super) struct Alias {
    code: usize,
    writable: usize,
    len: usize,
}

impl Alias {
    /// Puts shared memory with the same bytes in the place of a section's.
    ///
    /// # Safety
    /// Nobody runs the code meanwhile; it is whole pages of an image, as it is in memory now.
    pub unsafe fn new(code: &Code) -> io::Result<Alias> {
        let len = code.bytes.len().next_multiple_of(PAGE as usize);
        let file = memory_file()?;
        file.set_len(len as u64)?;
        file.write_all_at(&code.bytes, 0)?;
        let map = |at: usize, protection, flags| {
            let fd = file.as_raw_fd();
            let at = at as *mut libc::c_void;
            // SAFETY: a new mapping at an address of the system's choice, or in the place of a
            // section that nobody uses now, with the same contents.
            match unsafe { libc::mmap(at, len, protection, libc::MAP_SHARED | flags, fd, 0) } {
                libc::MAP_FAILED => Err(io::Error::last_os_error()),
                address => Ok(address as usize),
            }
        };
        let writable = map(0, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let alias = Alias {
            code: code.start,
            writable,
            len,
        };
        let executable = libc::PROT_READ | libc::PROT_EXEC;
        map(code.start, executable, libc::MAP_FIXED)?;
        Ok(alias)
    }

    /// The byte at an address of the code, to be stored to; for use in signal handlers.
    pub fn byte(&self, at: usize) -> Option<&AtomicU8> {
        let offset = at.checked_sub(self.code).filter(|at| *at < self.len)?;
        // SAFETY: within the writable mapping, which lives as long as `self`; all access to it is
        // atomic.
        Some(unsafe { AtomicU8::from_ptr((self.writable + offset) as *mut u8) })
    }

    /// Stores one byte of code.
    pub fn put(&self, at: usize, byte: u8) {
        if let Some(place) = self.byte(at) {
            place.store(byte, Ordering::SeqCst);
        }
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which nothing borrows any more; the code stays mapped.
        unsafe { libc::munmap(self.writable as *mut libc::c_void, self.len) };
    }
}
