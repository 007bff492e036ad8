//! The memory that everybody works on.

use std::{
    io, ptr,
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
};

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

    /// Stores so many bytes, all of them one more than the first of them was.
    pub fn fill(&self, offset: usize, length: usize) {
        let end = offset + length;
        let next = self.byte(offset).load(Relaxed).wrapping_add(1);
        let (first, last) = (offset.next_multiple_of(8).min(end), end / 8 * 8);
        (offset..first).for_each(|place| self.byte(place).store(next, Relaxed));
        for place in (first..last).step_by(8) {
            self.word(place)
                .store(u64::from_ne_bytes([next; 8]), Relaxed);
        }
        (last.max(first)..end).for_each(|place| self.byte(place).store(next, Relaxed));
    }

    /// Stores 8 bytes at a multiple of 8.
    #[inline]
    pub fn store(&self, offset: usize) {
        let word = self.word(offset);
        word.store(word.load(Relaxed).wrapping_add(1), Relaxed);
    }

    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.size);
        // SAFETY: inside the mapping and aligned; all accesses are atomic.
        unsafe { AtomicU64::from_ptr(self.mapping.byte_add(offset).cast()) }
    }

    #[inline]
    fn byte(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.size);
        // SAFETY: inside the mapping; all accesses are atomic.
        unsafe { AtomicU8::from_ptr(self.mapping.byte_add(offset).cast()) }
    }
}

// SAFETY: all accesses are atomic.
unsafe impl Sync for Memory {}

/// Memory larger than the caches.
pub struct Evictor(Memory);

impl Evictor {
    pub fn new() -> io::Result<Self> {
        Memory::new(64 << 20).map(Self)
    }

    /// Leaves nothing else in the caches.
    pub fn evict(&self) {
        self.0.dirty(0, self.0.size());
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: our own mapping.
        unsafe { libc::munmap(self.mapping, self.size) };
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn fills_reach_every_byte_and_no_other() {
        let memory = Memory::new(4096).expect("memory");
        let all = || -> Vec<u8> {
            let bytes = (0..4096).map(|place| memory.byte(place).load(super::Relaxed));
            bytes.collect()
        };
        for (offset, length) in [(0, 4096), (3, 2), (5, 11), (8, 8), (7, 1), (1, 63)] {
            let mut expected = all();
            let next = expected[offset] + 1;
            expected[offset..offset + length].fill(next);
            memory.fill(offset, length);
            assert_eq!(all(), expected, "{offset}, {length}");
        }
    }
}
