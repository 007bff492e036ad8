//! Pool with tags, fill patterns and a leak report (nf-wdm-exallocatepoolwithtag).

use crate::kernel::Kernel;
use std::{
    alloc::{Layout, alloc, dealloc},
    collections::HashMap,
};

/// Bytes after an allocation that must keep their pattern.
const GUARD: usize = 32;
const GUARD_BYTE: u8 = 0xfd;
const FRESH_BYTE: u8 = 0xcd;
const FREED_BYTE: u8 = 0xdd;

#[derive(Default)]
pub struct Pool {
    blocks: HashMap<usize, (usize, u32)>,
}

/// Page-sized and larger blocks begin on a page, smaller ones on 16 bytes.
fn layout(size: usize) -> Layout {
    let align = if size >= 4096 { 4096 } else { 16 };
    Layout::from_size_align(size + GUARD, align).expect("a pool block's size")
}

impl Pool {
    /// Blocks that are allocated, and their bytes.
    pub fn in_use(&self) -> (usize, usize) {
        let bytes = self.blocks.values().map(|(size, _)| size).sum();
        (self.blocks.len(), bytes)
    }
}

impl Kernel {
    pub fn allocate_pool(&self, size: usize, tag: u32) -> usize {
        if size == 0 || tag == 0 {
            self.violation("pool", "a block of no bytes or without a tag was asked for");
        }
        // SAFETY: the layout is never empty, because of the guard.
        let block = unsafe { alloc(layout(size)) };
        if block.is_null() {
            return 0;
        }
        // SAFETY: the block has that many bytes.
        unsafe { block.write_bytes(FRESH_BYTE, size) };
        // SAFETY: the guard follows the block.
        unsafe { block.add(size).write_bytes(GUARD_BYTE, GUARD) };
        self.lock().pool.blocks.insert(block as usize, (size, tag));
        block as usize
    }

    pub fn free_pool(&self, address: usize) {
        let Some((size, _)) = self.lock().pool.blocks.remove(&address) else {
            self.violation(
                "pool",
                &format!("{address:#x} was freed but is not allocated"),
            );
            return;
        };
        // SAFETY: a block of ours with its guard.
        let bytes = unsafe { std::slice::from_raw_parts_mut(address as *mut u8, size + GUARD) };
        if bytes[size..].iter().any(|byte| *byte != GUARD_BYTE) {
            self.violation(
                "pool",
                &format!("a block of {size} bytes was written past its end"),
            );
        }
        bytes.fill(FREED_BYTE);
        // SAFETY: allocated with this layout, and forgotten above.
        unsafe { dealloc(address as *mut u8, layout(size)) };
    }

    /// Reports every block that is left, by tag.
    pub fn check_pool_leaks(&self) {
        let mut by_tag: HashMap<u32, (usize, usize)> = HashMap::new();
        for (size, tag) in self.lock().pool.blocks.values() {
            let sum = by_tag.entry(*tag).or_default();
            *sum = (sum.0 + 1, sum.1 + size);
        }
        for (tag, (count, bytes)) in by_tag {
            let tag = String::from_utf8_lossy(&tag.to_le_bytes()).into_owned();
            self.violation(
                "pool leak",
                &format!("{count} blocks, {bytes} bytes, tag '{tag}'"),
            );
        }
    }
}
