//! x64: `CLWB`, `CLFLUSHOPT`, `CLFLUSH`, and `SFENCE`.
//!
//! No `asm!` here says `nomem`: the compiler moves no store across a flush or a fence.

use super::Arch;
use crate::{Features, Method, range::Lines};
use core::arch::{
    asm,
    x86_64::{__cpuid, __cpuid_count, CpuidResult},
};

/// CPUID.1:EDX: the processor has `CLFLUSH`.
const CLFLUSH: u32 = 1 << 19;
/// CPUID.(7,0):EBX.
const CLFLUSHOPT: u32 = 1 << 23;
/// CPUID.(7,0):EBX.
const CLWB: u32 = 1 << 24;

/// Asks the processor for its flush instructions and the line size they work on.
pub(crate) fn detect() -> Features {
    let basic = cpuid(1);
    let extended = if cpuid(0).eax >= 7 { cpuid(7).ebx } else { 0 };
    let line_size = (basic.ebx >> 8 & 0xFF) as usize * 8;
    let all = Features::new(Method::BY_PREFERENCE, line_size);
    [
        (Method::Clflush, basic.edx & CLFLUSH),
        (Method::ClflushOpt, extended & CLFLUSHOPT),
        (Method::Clwb, extended & CLWB),
    ]
    .into_iter()
    .filter(|(_, present)| *present == 0)
    .fold(all, |features, (method, _)| features.without(method))
}

#[allow(unused_unsafe, reason = "newer compilers know that CPUID is safe")]
fn cpuid(leaf: u32) -> CpuidResult {
    if leaf == 0 {
        // SAFETY: every x64 processor has CPUID.
        return unsafe { __cpuid(0) };
    }
    // SAFETY: as above.
    unsafe { __cpuid_count(leaf, 0) }
}

/// This processor.
#[derive(Debug)]
pub(crate) struct Native;

macro_rules! flush_loop {
    ($name:ident, $instruction:literal) => {
        /// # Safety
        /// The lines are mapped and readable, and the processor has the instruction.
        #[inline]
        unsafe fn $name(lines: Lines) {
            let mut line = lines.first;
            loop {
                // SAFETY: the caller's promise. Writing a line back changes no byte of it.
                unsafe {
                    asm!(
                        concat!($instruction, " byte ptr [{}]"),
                        in(reg) line,
                        options(nostack, preserves_flags),
                    );
                }
                if line == lines.last {
                    break;
                }
                line = line.wrapping_add(lines.step);
            }
        }
    };
}

flush_loop!(clwb, "clwb");
flush_loop!(clflushopt, "clflushopt");
flush_loop!(clflush, "clflush");

impl Arch for Native {
    #[inline]
    unsafe fn flush_lines(&self, method: Method, lines: Lines) {
        match method {
            // SAFETY: the caller's promise; the method was chosen from what the processor has.
            Method::Clwb => unsafe { clwb(lines) },
            // SAFETY: as above.
            Method::ClflushOpt => unsafe { clflushopt(lines) },
            // SAFETY: as above.
            Method::Clflush => unsafe { clflush(lines) },
            Method::NoFlush => {}
        }
    }

    #[inline]
    fn fence(&self) {
        // SAFETY: a fence touches nothing.
        unsafe { asm!("sfence", options(nostack, preserves_flags)) };
    }
}
