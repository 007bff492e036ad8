//! Pool blocks that end at an inaccessible page, or begin after one, and stay inaccessible for long
//! after they were freed.
//!
//! All blocks of the process lie in one range of addresses, used round and round, so that a freed
//! block's addresses are the last to be used again. What a fault needs to know is in tables that can
//! be read at any time.

mod tables;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
pub use tables::Block;
use tables::{Record, Tables};

/// What a new block is filled with.
pub const FRESH_BYTE: u8 = 0xcd;

const PAGE: usize = 4096;
/// Pages of the range.
const PAGES: usize = 1 << 20;
/// Blocks that are in the way of a new one, until there is none.
const MOST_TRIES: usize = 4096;
/// Blocks begin at multiples of this (nf-wdm-exallocatepoolwithtag).
const ALIGNMENT: usize = 16;

struct Arena {
    base: usize,
    tables: Tables,
    next: Mutex<usize>,
}

static ARENA: OnceLock<Option<Arena>> = OnceLock::new();
static IRQL: OnceLock<fn() -> u8> = OnceLock::new();

/// The lowest level at which nothing may be paged in.
const DISPATCH_LEVEL: u8 = 2;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Bytes, at least one.
    pub size: usize,
    /// The pool tag.
    pub tag: u32,
    /// Whether the block can be paged out.
    pub paged: bool,
    /// Whether the inaccessible page is before the block, and not after it.
    pub guard_before: bool,
    /// The address of whoever allocates.
    pub caller: usize,
}

/// Sets who knows the IRQL of a thread. Only the first call counts.
pub fn set_irql_source(irql: fn() -> u8) {
    // A second one would be as good as the first.
    let _ = IRQL.set(irql);
}

fn arena() -> Option<&'static Arena> {
    let made = ARENA.get_or_init(|| {
        let base = reserve(PAGES * PAGE, libc::PROT_NONE)?;
        let tables = Tables::new(PAGES)?;
        let next = Mutex::new(0);
        Some(Arena { base, tables, next })
    });
    made.as_ref()
}

/// Memory that costs nothing until it is used, at an address of the system's choice.
fn reserve(bytes: usize, protection: libc::c_int) -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    (base != libc::MAP_FAILED).then_some(base as usize)
}

impl Arena {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self, page: usize) -> usize {
        self.base + page * PAGE
    }

    fn page(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.base)? / PAGE;
        (page < PAGES).then_some(page)
    }

    /// The first page of so many that no block is in.
    fn find(&self, pages: usize) -> Option<usize> {
        if pages > PAGES {
            return None;
        }
        let mut next = self.lock();
        for _ in 0..MOST_TRIES {
            if *next + pages > PAGES {
                *next = 0;
            }
            let at = *next;
            match (at..at + pages).find_map(|page| self.tables.live(page)) {
                Some(after) => *next = after,
                None => {
                    *next = at + pages;
                    return Some(at);
                }
            }
        }
        None
    }

    fn protect(&self, record: &Record, protection: libc::c_int) -> bool {
        let (at, bytes) = (self.address(record.first() + 1), record.data_pages() * PAGE);
        // SAFETY: pages of our own range, of one block.
        unsafe { libc::mprotect(at as *mut libc::c_void, bytes, protection) == 0 }
    }

    /// The record of the block that an address is in or beside, with its index.
    fn record(&self, address: usize) -> Option<&Record> {
        self.tables.record(self.page(address)?)
    }
}

/// Makes a block; nothing if there is no room for one.
pub fn allocate(request: Request) -> Option<usize> {
    let arena = arena()?;
    let data = request.size.div_ceil(PAGE);
    let first = arena.find(data + 2)?;
    let start = arena.address(first + 1);
    let exact = request.size.next_multiple_of(ALIGNMENT);
    // Blocks of a page and more begin on a page.
    let at = if request.guard_before || request.size >= PAGE {
        start
    } else {
        start + PAGE - exact
    };
    let record = arena.tables.begin(first, data, at, &request);
    if !arena.protect(record, libc::PROT_READ | libc::PROT_WRITE) {
        record.end(0);
        return None;
    }
    Some(at)
}

/// The bytes around a block that are accessible and not its own: before it, and after it.
pub fn slack(block: &Block) -> [std::ops::Range<usize>; 2] {
    let end = block.start + block.size;
    let first = block.start / PAGE * PAGE;
    [first..block.start, end..end.next_multiple_of(PAGE)]
}

/// Makes a block inaccessible.
pub fn free(address: usize, caller: usize) {
    let Some((arena, record)) = arena().and_then(|arena| Some((arena, arena.record(address)?)))
    else {
        return;
    };
    let (at, bytes) = (
        arena.address(record.first() + 1),
        record.data_pages() * PAGE,
    );
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: pages of our own range, of one block that is nobody's any more.
    unsafe {
        libc::mmap(
            at as *mut libc::c_void,
            bytes,
            libc::PROT_NONE,
            flags,
            -1,
            0,
        )
    };
    record.end(caller);
}

/// Pages a block out, as going to DISPATCH_LEVEL may.
pub fn page_out(address: usize) {
    if let Some(arena) = arena()
        && let Some(record) = arena.record(address)
    {
        arena.protect(record, libc::PROT_NONE);
    }
}

/// Pages a block in, for the simulator's own use.
pub fn bring_back(address: usize) {
    if let Some(arena) = arena()
        && let Some(record) = arena.record(address)
    {
        arena.protect(record, libc::PROT_READ | libc::PROT_WRITE);
    }
}

/// Whether the thread's IRQL is low enough.
pub(crate) fn may_page_in() -> bool {
    IRQL.get().is_some_and(|irql| irql() < DISPATCH_LEVEL)
}

/// A fault: pages the block in again if that can be done at the thread's IRQL.
pub(crate) fn page_in(address: usize) -> bool {
    let Some(arena) = ARENA.get().and_then(Option::as_ref) else {
        return false;
    };
    match arena.record(address) {
        Some(record) if may_page_in() && record.block().is_paged_at(address) => {
            arena.protect(record, libc::PROT_READ | libc::PROT_WRITE)
        }
        _ => false,
    }
}

/// The block that an address is in, or was in, or is near to.
pub fn find(address: usize) -> Option<Block> {
    let arena = ARENA.get().and_then(Option::as_ref)?;
    Some(arena.record(address)?.block())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(size: usize, guard_before: bool) -> usize {
        let tag = u32::from_le_bytes(*b"Rogu");
        let (paged, caller) = (false, 1);
        let request = Request {
            size,
            tag,
            paged,
            guard_before,
            caller,
        };
        allocate(request).expect("a block")
    }

    #[test]
    fn a_block_ends_at_a_guard_or_begins_after_one() {
        for (size, guard_before) in [
            (1, false),
            (100, true),
            (4095, false),
            (4096, false),
            (9000, false),
        ] {
            let at = block(size, guard_before);
            assert!(at.is_multiple_of(ALIGNMENT));
            // SAFETY: a block of that size.
            unsafe { (at as *mut u8).write_bytes(1, size) };
            let found = find(at + size - 1).expect("a block");
            assert_eq!((found.start, found.size), (at, size));
            let [before, after] = slack(&found);
            assert!(before.is_empty() || after.len() < ALIGNMENT);
            free(at, 2);
            let freed = find(at).expect("a block that was");
            assert_eq!(freed.freed_by, Some(2));
        }
    }

    #[test]
    fn addresses_are_not_used_again_soon() {
        let one = block(10, false);
        free(one, 1);
        assert!((0..1000).all(|_| {
            let two = block(10, false);
            free(two, 1);
            one != two
        }));
    }

    #[test]
    fn an_address_is_told_by_its_block() {
        let at = block(100, false);
        let what = find(at).expect("a block");
        let (rule, text) = what.describe(at + 124);
        assert_eq!(rule, "pool overrun");
        assert!(
            text.starts_with("24 bytes after a pool block of 100 bytes, tag 'Rogu'"),
            "{text}"
        );
        let (rule, _) = what.describe(at - 1);
        assert_eq!(rule, "pool underrun");
        free(at, 7);
        let (rule, _) = find(at).expect("a block").describe(at + 4);
        assert_eq!(rule, "use after free");
    }
}
