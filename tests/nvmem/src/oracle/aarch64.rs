//! AArch64: instructions are words, so that every word of a function is looked at.

use super::{Event, Fence, Flush, plant, record, record_flush, text::Function};
use std::ptr;

/// `BRK #0xDAF`.
pub(super) const BREAKPOINT: [u8; 4] = (0xD420_0000_u32 | 0xDAF << 5).to_le_bytes();

#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub address: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flush(Flush, usize),
    Fence(Fence),
    StorePair {
        first: usize,
        second: usize,
        base: usize,
        offset: isize,
    },
}

pub(super) fn sweep(functions: &[Function]) -> Vec<Site> {
    let mut sites = Vec::new();
    for function in functions {
        for (index, word) in function.code.chunks_exact(4).enumerate() {
            let word = word.try_into().map_or(0, u32::from_le_bytes);
            if let Some(kind) = classify(word) {
                sites.push(Site {
                    address: function.start + 4 * index,
                    kind,
                });
            }
        }
    }
    sites.sort_unstable_by_key(|site| site.address);
    sites.dedup_by_key(|site| site.address);
    sites
}

/// Encodings: Arm Architecture Reference Manual, C6.2 (DC is an alias of SYS, DSB, STNP).
fn classify(word: u32) -> Option<Kind> {
    let register = |low: u32| (word >> low & 31) as usize;
    match word & 0xFFFF_FFE0 {
        0xD50B_7A20 => return Some(Kind::Flush(Flush::DcCvac, register(0))),
        0xD50B_7C20 => return Some(Kind::Flush(Flush::DcCvap, register(0))),
        0xD50B_7D20 => return Some(Kind::Flush(Flush::DcCvadp, register(0))),
        // CVAU, CIVAC.
        0xD50B_7B20 | 0xD50B_7E20 => return Some(Kind::Flush(Flush::Other, register(0))),
        _ => {}
    }
    if word == 0xD503_3F9F {
        return Some(Kind::Fence(Fence::DsbSy));
    }
    if word & 0xFFFF_F0FF == 0xD503_309F {
        return Some(Kind::Fence(Fence::DsbOther));
    }
    // STNP of two 64-bit registers; the offset counts eights.
    (word & 0xFFC0_0000 == 0xA800_0000).then(|| Kind::StorePair {
        first: register(0),
        second: register(10),
        base: register(5),
        offset: (((word >> 15 & 0x7F) << 25) as i32 >> 25) as isize * 8,
    })
}

pub(super) extern "C" fn on_trap(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system passes a valid context, ours while the handler runs.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let Some(site) = plant::find(registers.pc as usize) else {
        // A breakpoint of somebody else.
        // SAFETY: ends the process.
        unsafe { libc::abort() };
    };
    // Register 31 is the zero register as a source, and the stack pointer as a base.
    let source = |index: usize| registers.regs.get(index).copied().unwrap_or(0);
    match site.kind {
        Kind::Flush(by, register) => record_flush(by, source(register) as usize),
        Kind::Fence(fence) => record(Event::Fence(fence)),
        Kind::StorePair {
            first,
            second,
            base,
            offset,
        } => {
            let base = registers.regs.get(base).copied().unwrap_or(registers.sp) as usize;
            let address = base.wrapping_add_signed(offset);
            // SAFETY: the store that the program asked for.
            unsafe {
                ptr::with_exposed_provenance_mut::<[u64; 2]>(address)
                    .write_unaligned([source(first), source(second)]);
            }
            record(Event::NonTemporal {
                address,
                length: 16,
            });
        }
    }
    registers.pc += 4;
}

/// Makes the processor see changed code.
///
/// # Safety
/// The code is mapped.
pub(super) unsafe fn synchronize(address: usize, size: usize) {
    unsafe extern "C" {
        fn __clear_cache(start: *mut libc::c_char, end: *mut libc::c_char);
    }
    // SAFETY: the caller's promise.
    unsafe {
        __clear_cache(
            ptr::with_exposed_provenance_mut(address),
            ptr::with_exposed_provenance_mut(address + size),
        );
    }
}
