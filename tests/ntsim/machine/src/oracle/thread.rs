//! Threads that run image code.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;

/// Bytes of a thread's signal stack: probes are ordinary Rust.
const STACK: usize = 256 << 10;
const GUARD: usize = 4096;

thread_local!(static ENTERED: Cell<u32> = const { Cell::new(0) });

/// Whether this thread holds a [`ThreadGuard`].
pub(crate) fn entered() -> bool {
    ENTERED.get() > 0
}

/// Makes the calling thread one that may run image code under an oracle: gives it a signal stack,
/// until the guard is dropped; guards within others share it. Kernel stacks are small, and some tests measure how much of them is
/// used.
///
/// # Errors
/// The system's, if it has no memory for the stack.
pub fn enter() -> io::Result<ThreadGuard> {
    if entered() {
        ENTERED.set(ENTERED.get() + 1);
        return Ok(ThreadGuard {
            own: None,
            _not_send: PhantomData,
        });
    }
    let stack = Stack::new()?;
    let new = libc::stack_t {
        ss_sp: stack.usable().cast(),
        ss_flags: 0,
        ss_size: STACK,
    };
    let mut before = libc::stack_t {
        ss_sp: std::ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    // SAFETY: the new stack is memory of ours that outlives its use, by `ThreadGuard`.
    if unsafe { libc::sigaltstack(&new, &mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    ENTERED.set(ENTERED.get() + 1);
    // What handlers need is initialized here, not in one.
    crate::current_thread();
    super::audit::prepare_thread();
    Ok(ThreadGuard {
        own: Some((before, stack)),
        _not_send: PhantomData,
    })
}

/// Keeps the calling thread ready to run image code; see [`enter`]. Guards end in the opposite
/// order of their beginnings.
#[derive(Debug)]
#[must_use = "the thread may run image code only while the guard lives"]
pub struct ThreadGuard {
    /// The signal stack that was in force before, and this guard's; none within another guard.
    own: Option<(libc::stack_t, Stack)>,
    _not_send: PhantomData<*const ()>,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        ENTERED.set(ENTERED.get() - 1);
        if let Some((before, _stack)) = self.own.take() {
            // SAFETY: the stack that was in force before; the guard's owner keeps the order.
            unsafe { libc::sigaltstack(&before, std::ptr::null_mut()) };
        }
    }
}

/// A signal stack above an inaccessible page.
#[derive(Debug)]
struct Stack {
    base: *mut u8,
}

impl Stack {
    fn new() -> io::Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                GUARD + STACK,
                protection,
                flags,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Stack { base: base.cast() };
        // SAFETY: the first page of our mapping, unused so far.
        if unsafe { libc::mprotect(base, GUARD, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    fn usable(&self) -> *mut u8 {
        self.base.wrapping_add(GUARD)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our mapping, which is no longer the signal stack.
        unsafe { libc::munmap(self.base.cast(), GUARD + STACK) };
    }
}
