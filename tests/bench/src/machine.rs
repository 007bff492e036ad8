//! The bare instructions, as somebody would write them for this one machine.

use daxflush_nvmem::Method;
use std::arch::asm;

/// Flushes the lines from the one at `first` up to below `end`.
///
/// # Safety
/// The lines are mapped, and the processor has the method.
#[inline]
pub unsafe fn flush(method: Method, first: usize, end: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match method {
            Method::NoFlush => {}
            #[cfg(target_arch = "x86_64")]
            Method::Clflush => each(
                first,
                end,
                |line| asm!("clflush [{}]", in(reg) line, options(nostack, preserves_flags)),
            ),
            #[cfg(target_arch = "x86_64")]
            Method::ClflushOpt => each(
                first,
                end,
                |line| asm!("clflushopt [{}]", in(reg) line, options(nostack, preserves_flags)),
            ),
            #[cfg(target_arch = "x86_64")]
            Method::Clwb => each(
                first,
                end,
                |line| asm!("clwb [{}]", in(reg) line, options(nostack, preserves_flags)),
            ),
            #[cfg(target_arch = "aarch64")]
            Method::DcCvac => each(
                first,
                end,
                |line| asm!("dc cvac, {}", in(reg) line, options(nostack, preserves_flags)),
            ),
            #[cfg(target_arch = "aarch64")]
            Method::DcCvap => each(
                first,
                end,
                |line| asm!("sys #3, c7, c12, #1, {}", in(reg) line, options(nostack, preserves_flags)),
            ),
            #[cfg(target_arch = "aarch64")]
            Method::DcCvadp => each(
                first,
                end,
                |line| asm!("sys #3, c7, c13, #1, {}", in(reg) line, options(nostack, preserves_flags)),
            ),
        }
    }
}

#[inline]
fn each(first: usize, end: usize, flush: impl Fn(usize)) {
    let mut line = first;
    while line < end {
        flush(line);
        line += super::memory::LINE;
    }
}

/// Flushes the line at each of the addresses.
///
/// # Safety
/// As [`flush`].
#[inline]
pub unsafe fn flush_each(method: Method, lines: &[usize]) {
    // The match is hoisted by hand: the loop is as bare as can be.
    #[cfg(target_arch = "x86_64")]
    if method == Method::Clwb {
        for line in lines {
            // SAFETY: the caller's promise.
            unsafe { asm!("clwb [{}]", in(reg) *line, options(nostack, preserves_flags)) };
        }
        return;
    }
    for line in lines {
        // SAFETY: the caller's promise.
        unsafe { flush(method, *line, line + 1) };
    }
}

/// Waits for the flushes.
#[inline]
pub fn fence() {
    // SAFETY: a fence touches nothing.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("sfence", options(nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        asm!("dsb sy", options(nostack, preserves_flags));
    }
}

/// Waits until a fence has had its effect: a clock that is read right after it can be ahead of it.
#[inline]
pub fn settle() {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}
