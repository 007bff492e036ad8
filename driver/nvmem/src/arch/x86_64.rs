//! x64: `CLWB`, `CLFLUSHOPT`, `CLFLUSH`, `MOVNTDQ`, `SFENCE` and `MFENCE`.
//!
//! No `asm!` of a flush, a store or a fence says `nomem`: the compiler moves no store across one.

use super::Arch;
use crate::{Features, Method, copy::UNIT, range::Admitted};
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

/// A number that is hard to guess, to seed tokens with.
#[cfg(feature = "c-abi")]
pub(crate) fn entropy() -> u64 {
    /// CPUID.1:ECX.
    const RDRAND: u32 = 1 << 30;
    let mut random = 0_u64;
    if cpuid(1).ecx & RDRAND != 0 {
        // SAFETY: the processor has the instruction. Where it has no number ready it gives 0.
        unsafe { asm!("rdrand {}", out(reg) random, options(nomem, nostack)) };
    }
    // SAFETY: every x64 processor has a time-stamp counter that kernel mode can read, and user mode
    // on Windows and Linux.
    random ^ unsafe { core::arch::x86_64::_rdtsc() }.rotate_left(32)
}

/// This processor.
#[derive(Debug)]
pub(crate) struct Native;

flush_loop!(clwb, "clwb byte ptr [{}]");
flush_loop!(clflushopt, "clflushopt byte ptr [{}]");
flush_loop!(clflush, "clflush byte ptr [{}]");

impl Arch for Native {
    #[inline]
    unsafe fn flush(&self, method: Method, line_size: usize, ranges: Admitted<'_>) {
        let lines = ranges.lines(line_size);
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
    fn fence(&self, method: Method) {
        // SAFETY: a fence touches nothing.
        unsafe {
            if method == Method::Clflush {
                asm!("mfence", options(nostack, preserves_flags));
            } else {
                asm!("sfence", options(nostack, preserves_flags));
            }
        }
    }
}

/// Non-temporal stores leave nothing behind in the caches.
pub(super) const UNITS_ARE_WRITTEN_BACK: bool = true;

const _: () = assert!(UNIT == 64, "the loops below store four times 16 bytes");

// MOVNTDQ with XMM registers: on x64 the kernel's own code uses them, and Windows saves them for
// it; AVX would need KeSaveExtendedProcessorState (floating-point-support-for-64-bit-drivers),
// which costs more than a page's copy and gains nothing where memory is the limit. MOVNTI needs
// twice the stores.

/// Copies `size` bytes, a positive multiple of [`UNIT`], to `destination`, which is aligned to it.
///
/// # Safety
/// The source is readable, the destination writable; they do not overlap.
pub(super) unsafe fn copy_units(destination: *mut u8, source: *const u8, size: usize) {
    // SAFETY: the caller's promise. The last unit ends `size` bytes on.
    unsafe {
        asm!(
            "2:",
            "movdqu {a}, xmmword ptr [{source} + {offset}]",
            "movdqu {b}, xmmword ptr [{source} + {offset} + 16]",
            "movdqu {c}, xmmword ptr [{source} + {offset} + 32]",
            "movdqu {d}, xmmword ptr [{source} + {offset} + 48]",
            "movntdq xmmword ptr [{destination} + {offset}], {a}",
            "movntdq xmmword ptr [{destination} + {offset} + 16], {b}",
            "movntdq xmmword ptr [{destination} + {offset} + 32], {c}",
            "movntdq xmmword ptr [{destination} + {offset} + 48], {d}",
            "add {offset}, 64",
            "jnz 2b",
            source = in(reg) source.wrapping_add(size),
            destination = in(reg) destination.wrapping_add(size),
            offset = inout(reg) size.wrapping_neg() => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Stores `value` to `size` bytes, a positive multiple of [`UNIT`], at `destination`, which is
/// aligned to it.
///
/// # Safety
/// The destination is writable.
pub(super) unsafe fn fill_units(destination: *mut u8, value: u8, size: usize) {
    let eight = u64::from_ne_bytes([value; 8]);
    // SAFETY: the caller's promise. The last unit ends `size` bytes on.
    unsafe {
        asm!(
            "movq {a}, {eight}",
            "punpcklqdq {a}, {a}",
            "2:",
            "movntdq xmmword ptr [{destination} + {offset}], {a}",
            "movntdq xmmword ptr [{destination} + {offset} + 16], {a}",
            "movntdq xmmword ptr [{destination} + {offset} + 32], {a}",
            "movntdq xmmword ptr [{destination} + {offset} + 48], {a}",
            "add {offset}, 64",
            "jnz 2b",
            eight = in(reg) eight,
            destination = in(reg) destination.wrapping_add(size),
            offset = inout(reg) size.wrapping_neg() => _,
            a = out(xmm_reg) _,
            options(nostack),
        );
    }
}
