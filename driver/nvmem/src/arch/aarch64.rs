//! ARM64: `DC CVAP`, `DC CVAC`, and `DSB SY`.
//!
//! No `asm!` of a clean or a fence says `nomem`: the compiler moves no store across one.

use super::Arch;
use crate::{Features, Method, range::Lines};
use core::arch::asm;

/// Asks the processor for its clean instructions and the smallest data cache line.
pub(crate) fn detect() -> Features {
    let (cache_type, isar1): (u64, u64);
    // SAFETY: reads identification registers; the driver runs where they can be read.
    unsafe {
        asm!(
            "mrs {}, CTR_EL0",
            "mrs {}, ID_AA64ISAR1_EL1",
            out(reg) cache_type,
            out(reg) isar1,
            options(nomem, nostack, preserves_flags),
        );
    }
    // CTR_EL0.DminLine is the logarithm of the number of 4-byte words.
    let line_size = 4_usize.wrapping_shl((cache_type >> 16 & 0xF) as u32);
    let features = Features::new(Method::BY_PREFERENCE, line_size);
    // ID_AA64ISAR1_EL1.DPB: FEAT_DPB.
    if isar1 & 0xF == 0 {
        features.without(Method::DcCvap)
    } else {
        features
    }
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
                // SAFETY: the caller's promise. Cleaning a line changes no byte of it.
                unsafe {
                    asm!(
                        concat!($instruction, ", {}"),
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

flush_loop!(dc_cvac, "dc cvac");
// `DC CVAP` by its encoding, which every assembler level knows.
flush_loop!(dc_cvap, "sys #3, c7, c12, #1");

impl Arch for Native {
    #[inline]
    unsafe fn flush_lines(&self, method: Method, lines: Lines) {
        match method {
            // SAFETY: the caller's promise; the method was chosen from what the processor has.
            Method::DcCvap => unsafe { dc_cvap(lines) },
            // SAFETY: as above.
            Method::DcCvac => unsafe { dc_cvac(lines) },
            Method::NoFlush => {}
        }
    }

    #[inline]
    fn fence(&self) {
        // SAFETY: a barrier touches nothing.
        unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
    }
}
