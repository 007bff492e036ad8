//! What a simulated thread has: its IRQL, where it is attached, and the kernel it belongs to.

use crate::kernel::Kernel;
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

pub const PASSIVE_LEVEL: u8 = 0;
pub const APC_LEVEL: u8 = 1;
pub const DISPATCH_LEVEL: u8 = 2;

thread_local! {
    static IRQL: Cell<u8> = const { Cell::new(PASSIVE_LEVEL) };
    static ATTACHED: Cell<u32> = const { Cell::new(0) };
    static KERNEL: RefCell<Option<Arc<Kernel>>> = const { RefCell::new(None) };
}

pub fn irql() -> u8 {
    IRQL.get()
}

pub fn set_irql(level: u8) {
    IRQL.set(level);
}

/// How often the thread is attached to the System process.
pub fn attached() -> u32 {
    ATTACHED.get()
}

pub fn set_attached(depth: u32) {
    ATTACHED.set(depth);
}

/// The kernel that the driver code running in this thread calls.
pub fn kernel() -> Arc<Kernel> {
    let kernel = KERNEL.with_borrow(Clone::clone);
    kernel.unwrap_or_else(|| {
        ntsim_machine::fault::bugcheck("a kernel routine was called outside of the simulation")
    })
}

/// Runs driver code as a thread of `kernel`.
pub fn run<T>(kernel: &Arc<Kernel>, work: impl FnOnce() -> T) -> T {
    let before = KERNEL.replace(Some(kernel.clone()));
    let result = work();
    KERNEL.set(before);
    result
}
