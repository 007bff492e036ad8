//! Pool with tags, types and a leak report (nf-wdm-exallocatepoolwithtag): special pool, or blocks of
//! the heap with a pattern after them where that has no room.

use crate::{calls, kernel::Kernel, thread};
use ntsim_machine::{
    image::symbolize,
    special_pool::{self, FRESH_BYTE, Request},
};
use std::{
    alloc::{Layout, alloc, dealloc},
    collections::{BTreeMap, HashMap},
};

/// Bytes after an allocation that must keep their pattern.
const GUARD: usize = 32;
const GUARD_BYTE: u8 = 0xfd;
const FREED_BYTE: u8 = 0xdd;
/// One in so many blocks of special pool begins after its inaccessible page.
const GUARD_BEFORE: u64 = 4;

/// POOL_TYPE (ne-wdm-_pool_type).
const PAGED_POOL: u32 = 1;
const NON_PAGED_POOL_NX: u32 = 512;

#[derive(Default)]
pub struct Pool {
    blocks: HashMap<usize, Block>,
    allocated: u64,
}

#[derive(Clone, Copy)]
struct Block {
    size: usize,
    tag: u32,
    paged: bool,
    allocated_by: usize,
    special: bool,
}

/// Page-sized and larger blocks begin on a page, smaller ones on 16 bytes.
fn layout(size: usize) -> Layout {
    let align = if size >= 4096 { 4096 } else { 16 };
    Layout::from_size_align(size + GUARD, align).expect("a pool block's size")
}

impl Pool {
    /// Blocks that are allocated, and their bytes.
    pub fn in_use(&self) -> (usize, usize) {
        let bytes = self.blocks.values().map(|block| block.size).sum();
        (self.blocks.len(), bytes)
    }
}

/// Memory for a block; 0 if there is none.
fn heap(size: usize) -> usize {
    // SAFETY: the layout is never empty, because of the guard.
    let block = unsafe { alloc(layout(size)) };
    if !block.is_null() {
        // SAFETY: the guard follows the block.
        unsafe { block.add(size).write_bytes(GUARD_BYTE, GUARD) };
    }
    block as usize
}

impl Block {
    /// Ranges around the block that must keep their pattern, and where they are of.
    fn around(&self, address: usize) -> [(&'static str, std::ops::Range<usize>); 2] {
        let end = address + self.size;
        let found = special_pool::find(address).filter(|_| self.special);
        let [before, after] = found.map_or([0..0, end..end + GUARD], |found| {
            special_pool::slack(&found)
        });
        [("pool underrun", before), ("pool overrun", after)]
    }

    fn release(&self, address: usize) {
        if self.special {
            special_pool::free(address, calls::caller().unwrap_or_default());
            return;
        }
        // SAFETY: a block of ours, allocated with this layout, and forgotten.
        unsafe {
            (address as *mut u8).write_bytes(FREED_BYTE, self.size);
            dealloc(address as *mut u8, layout(self.size));
        }
    }
}

fn name(address: usize) -> String {
    symbolize(address).unwrap_or_else(|| format!("{address:#x}"))
}

fn tag_name(tag: u32) -> String {
    String::from_utf8_lossy(&tag.to_le_bytes()).into_owned()
}

impl Kernel {
    /// What the reference says of the arguments, before anything is allocated.
    fn check_pool_request(&self, pool: u32, size: usize, tag: u32) {
        if size == 0 || tag == 0 {
            self.violation("pool", "a block of no bytes or without a tag was asked for");
        }
        if pool == PAGED_POOL && thread::irql() > thread::APC_LEVEL {
            let detail = "paged pool was asked for above APC_LEVEL";
            self.violation("pool", detail);
        }
        if ![PAGED_POOL, NON_PAGED_POOL_NX].contains(&pool) {
            self.violation("pool", &format!("pool of type {pool}; use NonPagedPoolNx"));
        }
    }

    pub fn allocate_pool(&self, pool: u32, size: usize, tag: u32) -> usize {
        self.check_pool_request(pool, size, tag);
        let size = size.max(1);
        let (paged, caller) = (pool == PAGED_POOL, calls::caller().unwrap_or_default());
        let number = {
            let pool = &mut self.lock().pool;
            pool.allocated += 1;
            pool.allocated
        };
        let special = self.options.special_pool.then(|| {
            special_pool::allocate(Request {
                size,
                tag,
                paged,
                guard_before: number.is_multiple_of(GUARD_BEFORE),
                caller,
            })
        });
        let special = special.flatten();
        let address = special.unwrap_or_else(|| heap(size));
        if address == 0 {
            return 0;
        }
        let block = Block {
            size,
            tag,
            paged,
            allocated_by: caller,
            special: special.is_some(),
        };
        // SAFETY: the block has that many bytes.
        unsafe { (address as *mut u8).write_bytes(FRESH_BYTE, size) };
        for (_, range) in block.around(address).iter().filter(|_| block.special) {
            // SAFETY: accessible, and no block's.
            unsafe { (range.start as *mut u8).write_bytes(GUARD_BYTE, range.len()) };
        }
        self.lock().pool.blocks.insert(address, block);
        address
    }

    /// nf-ntddk-exfreepool; with a tag, nf-wdm-exfreepoolwithtag.
    pub fn free_pool(&self, address: usize, tag: Option<u32>) {
        let Some(block) = self.lock().pool.blocks.remove(&address) else {
            self.violation("pool", &not_allocated(address));
            return;
        };
        if let Some(tag) = tag.filter(|tag| *tag != block.tag) {
            let (this, other) = (tag_name(tag), tag_name(block.tag));
            let detail = format!("freed with tag '{this}', and allocated with '{other}'");
            self.violation("pool", &detail);
        }
        if block.paged && thread::irql() > thread::APC_LEVEL {
            self.violation("pool", "paged pool was freed above APC_LEVEL");
        }
        if block.paged && block.special {
            special_pool::bring_back(address);
        }
        self.check_around(address, &block);
        self.locks_go_with(address, block.size);
        block.release(address);
    }

    fn check_around(&self, address: usize, block: &Block) {
        let [before, after] = block.around(address);
        let spoilt = |range: &std::ops::Range<usize>| {
            let (at, length) = (range.start as *const u8, range.len());
            // SAFETY: the accessible memory around a block of ours.
            length != 0
                && unsafe { std::slice::from_raw_parts(at, length) }
                    .iter()
                    .any(|byte| *byte != GUARD_BYTE)
        };
        let told = format!(
            "{} bytes, tag '{}', allocated by {}",
            block.size,
            tag_name(block.tag),
            name(block.allocated_by)
        );
        if spoilt(&before.1) {
            let detail = format!("memory was written before a block of {told}");
            self.violation("pool underrun", &detail);
        }
        if spoilt(&after.1) {
            let detail = format!("memory was written after a block of {told}");
            self.violation("pool overrun", &detail);
        }
    }

    /// The thread goes to DISPATCH_LEVEL, where nothing that is paged out can be had: all paged pool
    /// may be.
    pub fn page_out_pool(&self) {
        let state = self.lock();
        let blocks = state.pool.blocks.iter();
        for (address, _) in blocks.filter(|(_, block)| block.special && block.paged) {
            special_pool::page_out(*address);
        }
    }

    /// Reports every block that is left, by tag and by who allocated it.
    pub fn check_pool_leaks(&self) {
        let mut left: BTreeMap<(u32, usize), (usize, usize)> = BTreeMap::new();
        for block in self.lock().pool.blocks.values() {
            let sum = left.entry((block.tag, block.allocated_by)).or_default();
            *sum = (sum.0 + 1, sum.1 + block.size);
        }
        for ((tag, caller), (count, bytes)) in left {
            let (tag, caller) = (tag_name(tag), name(caller));
            let detail =
                format!("{count} blocks, {bytes} bytes, tag '{tag}', allocated by {caller}");
            self.violation("pool leak", &detail);
        }
    }
}

fn not_allocated(address: usize) -> String {
    match special_pool::find(address) {
        Some(block) if block.start == address && block.freed_by.is_some() => {
            format!("a block was freed twice: {}", block.told())
        }
        Some(block) => format!(
            "{address:#x} was freed, which is no block: near one of {}",
            block.told()
        ),
        None => format!("{address:#x} was freed but is not allocated"),
    }
}
