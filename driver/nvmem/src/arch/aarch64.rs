//! ARM64: `DC CVADP`, `DC CVAP`, `DC CVAC`, `STNP`, and `DSB SY`.
//!
//! No `asm!` of a clean, a store or a fence says `nomem`: the compiler moves no store across one.

use super::Arch;
use crate::{Features, Method, copy::UNIT, range::Admitted};
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
    // ID_AA64ISAR1_EL1.DPB: 1 is FEAT_DPB, 2 is FEAT_DPB2 as well.
    let methods: &[Method] = match isar1 & 0xF {
        0 => &[Method::DcCvac],
        1 => &[Method::DcCvac, Method::DcCvap],
        _ => &[Method::DcCvac, Method::DcCvap, Method::DcCvadp],
    };
    Features::new(methods, line_size)
}

/// A number that is hard to guess, to seed tokens with.
#[cfg(feature = "c-abi")]
pub(crate) fn entropy() -> u64 {
    let (isar0, time): (u64, u64);
    // SAFETY: reads an identification register and the virtual counter.
    unsafe {
        asm!(
            "mrs {}, ID_AA64ISAR0_EL1",
            "mrs {}, CNTVCT_EL0",
            out(reg) isar0,
            out(reg) time,
            options(nomem, nostack, preserves_flags),
        );
    }
    let mut random = 0_u64;
    // ID_AA64ISAR0_EL1.RNDR: FEAT_RNG.
    if isar0 >> 60 != 0 {
        // SAFETY: the processor has RNDR, here by its encoding. Where it has no number ready it
        // gives 0.
        unsafe { asm!("mrs {}, s3_3_c2_c4_0", out(reg) random, options(nomem, nostack)) };
    }
    random ^ time.rotate_left(32)
}

/// This processor.
#[derive(Debug)]
pub(crate) struct Native;

flush_loop!(dc_cvac, "dc cvac, {}");
// By their encodings, which every assembler level knows.
flush_loop!(dc_cvap, "sys #3, c7, c12, #1, {}");
flush_loop!(dc_cvadp, "sys #3, c7, c13, #1, {}");

impl Arch for Native {
    #[inline]
    unsafe fn flush(&self, method: Method, line_size: usize, ranges: Admitted<'_>) {
        let lines = ranges.lines(line_size);
        match method {
            // SAFETY: the caller's promise; the method was chosen from what the processor has.
            Method::DcCvadp => unsafe { dc_cvadp(lines) },
            // SAFETY: as above.
            Method::DcCvap => unsafe { dc_cvap(lines) },
            // SAFETY: as above.
            Method::DcCvac => unsafe { dc_cvac(lines) },
            Method::NoFlush => {}
        }
    }

    #[inline]
    fn fence(&self, _: Method) {
        // SAFETY: a barrier touches nothing.
        unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
    }
}

/// `STNP` is a hint: what it stores may stay in a cache, and so is cleaned like any other store.
pub(super) const UNITS_ARE_WRITTEN_BACK: bool = false;

const _: () = assert!(UNIT == 64, "the loops below store four times 16 bytes");

// STNP with general registers: no vector state is at stake.

/// Copies `size` bytes, a positive multiple of [`UNIT`], to `destination`, which is aligned to it.
///
/// # Safety
/// The source is readable, the destination writable; they do not overlap.
pub(super) unsafe fn copy_units(destination: *mut u8, source: *const u8, size: usize) {
    // SAFETY: the caller's promise. The last unit ends `size` bytes on.
    unsafe {
        asm!(
            "2:",
            "ldp {a}, {b}, [{source}]",
            "ldp {c}, {d}, [{source}, #16]",
            "stnp {a}, {b}, [{destination}]",
            "stnp {c}, {d}, [{destination}, #16]",
            "ldp {a}, {b}, [{source}, #32]",
            "ldp {c}, {d}, [{source}, #48]",
            "stnp {a}, {b}, [{destination}, #32]",
            "stnp {c}, {d}, [{destination}, #48]",
            "add {source}, {source}, #64",
            "add {destination}, {destination}, #64",
            "cmp {destination}, {end}",
            "b.ne 2b",
            source = inout(reg) source => _,
            destination = inout(reg) destination => _,
            end = in(reg) destination.wrapping_add(size),
            a = out(reg) _,
            b = out(reg) _,
            c = out(reg) _,
            d = out(reg) _,
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
    // SAFETY: the caller's promise. The last unit ends `size` bytes on.
    unsafe {
        asm!(
            "2:",
            "stnp {value}, {value}, [{destination}]",
            "stnp {value}, {value}, [{destination}, #16]",
            "stnp {value}, {value}, [{destination}, #32]",
            "stnp {value}, {value}, [{destination}, #48]",
            "add {destination}, {destination}, #64",
            "cmp {destination}, {end}",
            "b.ne 2b",
            value = in(reg) u64::from_ne_bytes([value; 8]),
            destination = inout(reg) destination => _,
            end = in(reg) destination.wrapping_add(size),
            options(nostack),
        );
    }
}
