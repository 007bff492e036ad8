//! Executing watched instructions in their stead.

use std::cell::Cell;

use iced_x86::{Instruction, Register};

use super::decode::{Site, SiteKind};
use super::event::{Event, EventKind, FlushInstruction};
use super::plant::Plant;
use crate::pmem::{self, LINE, Location};
use crate::signal::Cpu;

thread_local! {
    /// The instruction that this thread is executing for the image: mnemonic and address.
    static EMULATING: Cell<Option<(&'static str, usize)>> = const { Cell::new(None) };
}

/// The instruction whose memory access is under way on this thread, to explain a fault.
pub(crate) fn emulating() -> Option<(&'static str, usize)> {
    EMULATING.get()
}

/// Executes a watched instruction, tells the persistent memory, records it, and moves on to the
/// next.
pub(super) fn step_over(cpu: &mut Cpu, plant: &Plant, site: &Site) -> Event {
    EMULATING.set(Some((site.kind.mnemonic(), site.rip)));
    let kind = match site.kind {
        SiteKind::Flush(how) => flush(how, effective_address(cpu, &site.instruction)),
        SiteKind::Fence(instruction) => {
            pmem::observe_fence(crate::current_processor());
            EventKind::Fence { instruction }
        }
        SiteKind::NtStore => nt_store(cpu, &site.instruction),
        SiteKind::NtStoreXmm => nt_store_xmm(cpu, &site.instruction),
    };
    EMULATING.set(None);
    cpu.set_rip(site.instruction.next_ip() as usize);
    plant.recorder.record(site.rip, kind)
}

fn flush(instruction: FlushInstruction, va: usize) -> EventKind {
    // A flush needs read access, like a load: it faults where this does. SAFETY: the access that
    // the image asked for; what it hits, if not a fault, is any readable byte.
    unsafe { (va as *const u8).read_volatile() };
    let line = va & !(LINE as usize - 1);
    let thread = crate::current_processor();
    let pmem = pmem::with_translation(line, |device, offset| {
        let bytes = line_bytes(line);
        match instruction {
            FlushInstruction::Clflush => device.observe_clflush(offset, bytes),
            _ => device.observe_flush(thread, offset, bytes),
        }
        Location {
            device: device.id(),
            offset,
        }
    });
    EventKind::Flush {
        instruction,
        va,
        pmem,
    }
}

/// The line at an address in a view. Other threads may be storing to it: each aligned 8 bytes are
/// read at once.
fn line_bytes(line: usize) -> [u8; LINE as usize] {
    let mut bytes = [0; LINE as usize];
    for (i, unit) in bytes.chunks_mut(8).enumerate() {
        // SAFETY: aligned, in a view and readable, as the byte before was.
        let value = unsafe { ((line + 8 * i) as *const u64).read_volatile() };
        unit.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

fn nt_store(cpu: &Cpu, instruction: &Instruction) -> EventKind {
    let va = effective_address(cpu, instruction);
    let value = register(cpu, instruction.op1_register());
    let len = instruction.op1_register().size();
    // SAFETY: the store that the image asked for, by the same instruction.
    unsafe {
        match len {
            4 => std::arch::asm!("movnti [{}], {:e}", in(reg) va, in(reg) value),
            _ => std::arch::asm!("movnti [{}], {}", in(reg) va, in(reg) value),
        }
    }
    seen(va, &value.to_le_bytes()[..len])
}

fn nt_store_xmm(cpu: &Cpu, instruction: &Instruction) -> EventKind {
    let va = effective_address(cpu, instruction);
    let register = instruction.op1_register() as usize - Register::XMM0 as usize;
    let value = cpu.xmm(register);
    // SAFETY: the store that the image asked for, by the same instruction; it faults where that would.
    unsafe {
        std::arch::asm!(
            "movdqu {value}, [{from}]",
            "movntdq [{va}], {value}",
            from = in(reg) value.as_ptr(),
            va = in(reg) va,
            value = out(xmm_reg) _,
        );
    }
    seen(va, &value)
}

/// Tells the persistent memory of a store past the caches.
fn seen(va: usize, bytes: &[u8]) -> EventKind {
    let len = bytes.len();
    // An unaligned store may cross into the next line, or even the next extent.
    let first = (LINE as usize - va % LINE as usize).min(len);
    let pmem = observe_nt_store(va, &bytes[..first]);
    if first < len {
        observe_nt_store(va + first, &bytes[first..]);
    }
    EventKind::NtStore { va, len, pmem }
}

fn observe_nt_store(va: usize, bytes: &[u8]) -> Option<Location> {
    pmem::with_translation(va, |device, offset| {
        device.observe_nt_store(crate::current_processor(), offset, bytes);
        Location {
            device: device.id(),
            offset,
        }
    })
}

fn effective_address(cpu: &Cpu, instruction: &Instruction) -> usize {
    // Segment bases are zero: FS and GS were refused when the image was planted.
    let value = |r: Register, _, _| {
        Some(if r.is_segment_register() {
            0
        } else {
            register(cpu, r)
        })
    };
    instruction.virtual_address(0, 0, value).unwrap_or(0) as usize
}

/// The whole of a general register, whichever part `register` names; users take what they need.
fn register(cpu: &Cpu, register: Register) -> u64 {
    let index = match register.full_register() {
        Register::RAX => libc::REG_RAX,
        Register::RBX => libc::REG_RBX,
        Register::RCX => libc::REG_RCX,
        Register::RDX => libc::REG_RDX,
        Register::RSI => libc::REG_RSI,
        Register::RDI => libc::REG_RDI,
        Register::RBP => libc::REG_RBP,
        Register::RSP => libc::REG_RSP,
        Register::R8 => libc::REG_R8,
        Register::R9 => libc::REG_R9,
        Register::R10 => libc::REG_R10,
        Register::R11 => libc::REG_R11,
        Register::R12 => libc::REG_R12,
        Register::R13 => libc::REG_R13,
        Register::R14 => libc::REG_R14,
        Register::R15 => libc::REG_R15,
        _ => return 0,
    };
    cpu.register(index)
}
