//! The machine below the simulated kernel: PE images, persistent memory, and every flush
//! instruction seen.
//!
//! - [`image`] maps a Windows kernel image (`.sys`) into this process and links it against host
//!   functions.
//! - [`pmem`] is a persistent-memory device that knows which bytes a power cut could take away.
//! - [`shared_memory`] is ordinary memory that can be mapped several times.
//! - [`guarded`] is memory whose end, and whose end of life, a program cannot overlook.
//! - [`oracle`] sees each cache flush, fence and non-temporal store that an image executes.
//! - [`coverage`] knows which basic blocks of an image were executed.
//! - [`fault`] turns a fault inside an image into a bugcheck: a message with the symbolized address
//!   and exit code 70.
//! - [`special_pool`] has every access outside of a pool block fault.
//! - [`call`] enters image code with the Windows x64 calling convention.
//!
//! Nothing here is global to a test: images, oracles and devices may coexist in one process. The
//! host is x86-64 Linux.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("ntsim-machine runs image code directly: it needs an x86-64 Linux host");

pub mod call;
pub mod coverage;
pub mod fault;
pub mod guarded;
pub mod image;
pub mod oracle;
pub mod pmem;
pub mod shared_memory;
mod signal;
pub mod special_pool;

/// The processor that the calling thread runs on: its own, as every host thread is one, unless it was
/// moved to another's.
pub fn current_processor() -> u32 {
    match MOVED_TO.get() {
        0 => current_thread(),
        processor => processor,
    }
}

/// Moves the calling thread to a processor, or back to its own (0), and returns where it had been
/// moved before.
pub fn move_to_processor(processor: u32) -> u32 {
    MOVED_TO.replace(processor)
}

thread_local!(static MOVED_TO: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });

/// The identity of the calling thread, as the machine sees it: each host thread is a processor of
/// its own, with its own flushes in flight. Never zero, never reused.
pub fn current_thread() -> u32 {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local!(static ID: Cell<u32> = const { Cell::new(0) });
    ID.with(|id| {
        if id.get() == 0 {
            id.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        id.get()
    })
}
