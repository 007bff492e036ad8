//! Every flush, fence and non-temporal store that this process executes in its own code.
//!
//! Each such instruction of the executable is replaced by a breakpoint, once for all. The handler
//! does what the instruction would have done to memory, and records it if the thread is being
//! [`observe`]d. Code of shared libraries is left alone.
//!
//! On AArch64 every instruction is a word, so that looking at each word of each function misses
//! none. On x86-64 functions are disassembled; [`audit`] single-steps a call to show that
//! nothing was missed.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod plant;
mod text;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::cell::RefCell;

#[cfg(target_arch = "aarch64")]
use aarch64 as native;
#[cfg(target_arch = "x86_64")]
use x86_64 as native;

pub use plant::{install, sites};
#[cfg(target_arch = "x86_64")]
pub use x86_64::audit;

/// Bytes that an event of a flush shows: the smallest line there is on the processors that we
/// watch.
pub const SHOWN: usize = 64;

/// An instruction that flushes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// x86-64.
    Clflush,
    /// x86-64.
    Clflushopt,
    /// x86-64.
    Clwb,
    /// AArch64 `DC CVAC`.
    DcCvac,
    /// AArch64 `DC CVAP`.
    DcCvap,
    /// AArch64 `DC CVADP`.
    DcCvadp,
    /// AArch64 `DC CIVAC`, `DC CVAU` and others that nobody should use here.
    Other,
}

/// An instruction that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// x86-64.
    Sfence,
    /// x86-64.
    Mfence,
    /// AArch64 `DSB SY`.
    DsbSy,
    /// AArch64 `DSB` of a smaller domain or fewer accesses.
    DsbOther,
}

/// Something that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A flush.
    Flush {
        /// How.
        by: Flush,
        /// The operand.
        address: usize,
        /// The aligned [`SHOWN`] bytes around it, at that moment.
        shown: [u8; SHOWN],
    },
    /// A fence.
    Fence(Fence),
    /// A non-temporal store.
    NonTemporal {
        /// Where.
        address: usize,
        /// How many bytes.
        length: usize,
    },
}

/// Most events of one observation. The handler must not allocate.
const CAPACITY: usize = 1 << 16;

thread_local! {
    /// Taken by the observed call's caller, never while the handler may run.
    static LOG: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Runs `call` and returns what this thread executed in it.
///
/// # Panics
/// If more than 65,536 events came, or inside another observation.
pub fn observe<R>(call: impl FnOnce() -> R) -> (R, Vec<Event>) {
    install();
    LOG.with_borrow_mut(|log| {
        assert!(log.is_none(), "an observation inside another");
        *log = Some(Vec::with_capacity(CAPACITY));
    });
    let result = std::hint::black_box(call());
    let events = LOG.take().unwrap_or_default();
    assert!(
        events.len() < CAPACITY,
        "too many events for one observation"
    );
    (result, events)
}

/// For the handler.
fn record(event: Event) {
    LOG.with(|log| {
        if let Ok(mut log) = log.try_borrow_mut()
            && let Some(events) = log.as_mut()
            && events.len() < events.capacity()
        {
            events.push(event);
        }
    });
}

/// A flush as the handler sees it. Like the instruction, it faults where a load would.
fn record_flush(by: Flush, address: usize) {
    let line = std::ptr::with_exposed_provenance::<[u8; SHOWN]>(address & !(SHOWN - 1));
    // SAFETY: the access that the flush asks for; a line never reaches another page.
    let shown = unsafe { line.read_volatile() };
    record(Event::Flush { by, address, shown });
}
