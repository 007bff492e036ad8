//! Which block each page is of, and what is known of each block: written under a lock, read by
//! anybody at any time.

use super::{PAGE, Request, reserve};
use crate::image::symbolize;
use std::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

const LIVE: u32 = 1;
const PAGED: u32 = 2;

/// What is known of a block, by its first page, which is the inaccessible one before it.
#[derive(Default)]
pub(super) struct Record {
    first: AtomicUsize,
    data_pages: AtomicUsize,
    start: AtomicUsize,
    size: AtomicUsize,
    tag: AtomicU32,
    flags: AtomicU32,
    allocated_by: AtomicUsize,
    freed_by: AtomicUsize,
}

/// What is known of a block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its address.
    pub start: usize,
    /// Its bytes.
    pub size: usize,
    /// Its pool tag.
    pub tag: u32,
    /// Whether it can be paged out.
    pub paged: bool,
    /// Where it was allocated.
    pub allocated_by: usize,
    /// Where it was freed, if it was.
    pub freed_by: Option<usize>,
}

/// One record for each page of which few are used: memory that is never touched costs nothing.
pub(super) struct Tables {
    /// The first page of its block, plus 1.
    owners: &'static [AtomicU32],
    records: &'static [Record],
}

impl Tables {
    pub fn new(pages: usize) -> Option<Self> {
        let writable = libc::PROT_READ | libc::PROT_WRITE;
        let owners = reserve(pages * size_of::<AtomicU32>(), writable)?;
        let records = reserve(pages * size_of::<Record>(), writable)?;
        // SAFETY: zeroed memory of that size that stays mapped; all zero is a valid number.
        let owners = unsafe { std::slice::from_raw_parts(owners as *const AtomicU32, pages) };
        // SAFETY: as above, of each member of a record.
        let records = unsafe { std::slice::from_raw_parts(records as *const Record, pages) };
        Some(Self { owners, records })
    }

    pub fn record(&self, page: usize) -> Option<&Record> {
        let owner = self.owners[page].load(Acquire).checked_sub(1)?;
        Some(&self.records[owner as usize])
    }

    /// The page after the block that a page is of, if that block is not freed.
    pub fn live(&self, page: usize) -> Option<usize> {
        let record = self.record(page)?;
        let live = record.flags.load(Relaxed) & LIVE != 0;
        live.then(|| record.first() + record.data_pages() + 2)
    }

    pub fn begin(&self, first: usize, data: usize, start: usize, request: &Request) -> &Record {
        let record = &self.records[first];
        let paged = if request.paged { PAGED } else { 0 };
        record.first.store(first, Relaxed);
        record.data_pages.store(data, Relaxed);
        record.start.store(start, Relaxed);
        record.size.store(request.size, Relaxed);
        record.tag.store(request.tag, Relaxed);
        record.allocated_by.store(request.caller, Relaxed);
        record.freed_by.store(0, Relaxed);
        record.flags.store(LIVE | paged, Release);
        for page in first..first + data + 2 {
            self.owners[page].store(first as u32 + 1, Release);
        }
        record
    }
}

impl Record {
    pub fn first(&self) -> usize {
        self.first.load(Relaxed)
    }

    pub fn data_pages(&self) -> usize {
        self.data_pages.load(Relaxed)
    }

    pub fn end(&self, caller: usize) {
        self.freed_by.store(caller, Relaxed);
        let paged = self.flags.load(Relaxed) & PAGED;
        self.flags.store(paged, Release);
    }

    pub fn block(&self) -> Block {
        let flags = self.flags.load(Acquire);
        Block {
            start: self.start.load(Relaxed),
            size: self.size.load(Relaxed),
            tag: self.tag.load(Relaxed),
            paged: flags & PAGED != 0,
            allocated_by: self.allocated_by.load(Relaxed),
            freed_by: (flags & LIVE == 0).then(|| self.freed_by.load(Relaxed)),
        }
    }
}

fn name(address: usize) -> String {
    symbolize(address).unwrap_or_else(|| format!("{address:#x}"))
}

impl Block {
    /// Whether an address is one of this block's pages, which may be paged out.
    pub(super) fn is_paged_at(&self, address: usize) -> bool {
        let first = self.start / PAGE * PAGE;
        let end = (self.start + self.size).next_multiple_of(PAGE);
        self.paged && self.freed_by.is_none() && (first..end).contains(&address)
    }

    /// `100 bytes, tag 'Rogu', allocated by x.sys!f+0x12`
    pub fn told(&self) -> String {
        let tag = self.tag.to_le_bytes();
        let tag = String::from_utf8_lossy(&tag);
        let by = name(self.allocated_by);
        let freed = self.freed_by.map(|by| format!(", freed by {}", name(by)));
        let (size, freed) = (self.size, freed.unwrap_or_default());
        format!("{size} bytes, tag '{tag}', allocated by {by}{freed}")
    }

    /// The rule that an access to an inaccessible address breaks, and where that is.
    pub fn describe(&self, address: usize) -> (&'static str, String) {
        let (end, told) = (self.start + self.size, self.told());
        let place = if address < self.start {
            format!("{} bytes before", self.start - address)
        } else if address >= end {
            format!("{} bytes after", address - end)
        } else {
            format!("{} bytes into", address - self.start)
        };
        let (rule, kind) = if self.freed_by.is_some() {
            ("use after free", "a freed pool block")
        } else if self.is_paged_at(address) {
            ("paged pool", "a block of paged pool that is paged out,")
        } else if address < self.start {
            ("pool underrun", "a pool block")
        } else {
            ("pool overrun", "a pool block")
        };
        (rule, format!("{place} {kind} of {told}"))
    }
}
