//! The memory of an image.

use std::io;

/// A range of addresses that is ours for good. Private and writable until protections are set;
/// dropping it takes the memory away but keeps the addresses, so that nothing else can ever be
/// mistaken for the image.
#[derive(Debug)]
pub(super) struct Mapping {
    base: usize,
    len: usize,
}

impl Mapping {
    /// Zeroed, readable and writable memory.
    pub fn new(len: usize) -> io::Result<Mapping> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapping {
            base: base as usize,
            len,
        })
    }

    pub fn base(&self) -> usize {
        self.base
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The memory, before image code runs.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: mapped and readable; while it is loaded nobody writes but through `bytes_mut`.
        unsafe { std::slice::from_raw_parts(self.base as *const u8, self.len) }
    }

    /// The memory, before protections are set.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: mapped and writable, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.base as *mut u8, self.len) }
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub fn put_u64(&mut self, at: usize, value: u64) -> Option<()> {
        let to = self.bytes_mut().get_mut(at..at.checked_add(8)?)?;
        to.copy_from_slice(&value.to_le_bytes());
        Some(())
    }

    /// Lets the system use the addresses again: nobody has seen them.
    pub fn give_back(self) {
        let mapping = std::mem::ManuallyDrop::new(self);
        // SAFETY: our own mapping, which nothing refers to.
        unsafe { libc::munmap(mapping.base as *mut libc::c_void, mapping.len) };
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes().get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// Sets the protection of the pages from `rva` on.
    pub fn protect(&self, rva: usize, len: usize, protection: i32) -> io::Result<()> {
        let at = (self.base + rva) as *mut libc::c_void;
        // SAFETY: the range lies in our mapping; the caller knows that nobody needs what it takes
        // away.
        match unsafe { libc::mprotect(at, len, protection) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
        let at = self.base as *mut libc::c_void;
        // SAFETY: replaces our own mapping by an inaccessible one; code in it must not be used any
        // more, and faults if it is.
        unsafe { libc::mmap(at, self.len, libc::PROT_NONE, flags, -1, 0) };
    }
}
