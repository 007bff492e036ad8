//! x86-64: functions are disassembled.

use super::{Event, Fence, Flush, plant, record, record_flush, text::Function};
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use std::{
    cell::{Cell, RefCell},
    ptr, slice,
};

/// `INT3`.
pub(super) const BREAKPOINT: [u8; 1] = [0xCC];
/// Bytes in the longest instruction.
const LONGEST: usize = 15;
/// `si_code` of a single step.
const TRAP_TRACE: i32 = 2;
const TRAP_FLAG: i64 = 0x100;

#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub address: usize,
    kind: Kind,
    instruction: Instruction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flush(Flush),
    Fence(Fence),
    NonTemporal,
}

pub(super) fn sweep(functions: &[Function]) -> Vec<Site> {
    let mut sites = Vec::new();
    for function in functions {
        let ip = function.start as u64;
        let decoder = Decoder::with_ip(64, function.code, ip, DecoderOptions::NONE);
        for instruction in decoder {
            if let Some(kind) = classify(&instruction) {
                sites.push(Site {
                    address: instruction.ip() as usize,
                    kind,
                    instruction,
                });
            }
        }
    }
    sites.sort_unstable_by_key(|site| site.address);
    sites.dedup_by_key(|site| site.address);
    sites
}

fn classify(instruction: &Instruction) -> Option<Kind> {
    Some(match instruction.mnemonic() {
        Mnemonic::Clflush => Kind::Flush(Flush::Clflush),
        Mnemonic::Clflushopt => Kind::Flush(Flush::Clflushopt),
        Mnemonic::Clwb => Kind::Flush(Flush::Clwb),
        Mnemonic::Sfence => Kind::Fence(Fence::Sfence),
        Mnemonic::Mfence => Kind::Fence(Fence::Mfence),
        Mnemonic::Movnti | Mnemonic::Movntdq => Kind::NonTemporal,
        _ => return None,
    })
}

/// Whether an instruction writes around or behind the caches in a way that is not emulated.
fn is_strange(instruction: &Instruction) -> bool {
    use Mnemonic::{
        Cldemote, Clzero, Enqcmd, Invd, Maskmovdqu, Movdir64b, Movdiri, Movntpd, Movntps, Vmovntdq,
        Vmovntpd, Vmovntps, Wbinvd, Wbnoinvd,
    };
    matches!(
        instruction.mnemonic(),
        Cldemote
            | Clzero
            | Enqcmd
            | Invd
            | Maskmovdqu
            | Movdir64b
            | Movdiri
            | Movntpd
            | Movntps
            | Vmovntdq
            | Vmovntpd
            | Vmovntps
            | Wbinvd
            | Wbnoinvd
    )
}

pub(super) extern "C" fn on_trap(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the system passes valid structures, ours while the handler runs.
    let (info, context) = unsafe {
        (
            &*info,
            &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext,
        )
    };
    let rip = context.gregs[libc::REG_RIP as usize] as usize;
    if info.si_code == TRAP_TRACE {
        on_step(context, rip);
        return;
    }
    let Some(site) = plant::find(rip - BREAKPOINT.len()) else {
        // A breakpoint of somebody else.
        // SAFETY: ends the process.
        unsafe { libc::abort() };
    };
    let address = effective_address(context, &site.instruction);
    match site.kind {
        Kind::Flush(by) => record_flush(by, address),
        Kind::Fence(fence) => record(Event::Fence(fence)),
        Kind::NonTemporal => non_temporal(context, &site.instruction, address),
    }
    context.gregs[libc::REG_RIP as usize] = site.instruction.next_ip() as i64;
}

fn non_temporal(context: &libc::mcontext_t, instruction: &Instruction, address: usize) {
    let source = instruction.op1_register();
    let (bytes, length) = if source.is_xmm() {
        // SAFETY: the system saves the vector registers of a 64-bit process.
        let state = unsafe { &*context.fpregs };
        let value = state._xmm[source.number()].element;
        let words = value.map(u32::to_le_bytes);
        (words.as_flattened().try_into().unwrap_or([0; 16]), 16)
    } else {
        let value = u128::from(general(context, source));
        (value.to_le_bytes(), source.size())
    };
    let target = ptr::with_exposed_provenance_mut::<u8>(address);
    // SAFETY: the store that the program asked for, and nothing else.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, length) };
    record(Event::NonTemporal { address, length });
}

fn effective_address(context: &libc::mcontext_t, instruction: &Instruction) -> usize {
    let operand =
        (0..instruction.op_count()).find(|operand| instruction.op_kind(*operand) == OpKind::Memory);
    let value = |register: Register, _, _| {
        Some(if register.is_segment_register() {
            0
        } else {
            general(context, register)
        })
    };
    operand
        .and_then(|operand| instruction.virtual_address(operand, 0, value))
        .unwrap_or(0) as usize
}

/// The whole of a general register, whichever part is named.
fn general(context: &libc::mcontext_t, register: Register) -> u64 {
    const ORDER: [libc::c_int; 16] = [
        libc::REG_RAX,
        libc::REG_RCX,
        libc::REG_RDX,
        libc::REG_RBX,
        libc::REG_RSP,
        libc::REG_RBP,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
    ];
    ORDER
        .get(register.full_register().number())
        .map_or(0, |index| context.gregs[*index as usize] as u64)
}

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
    static MISSED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What [`audit`] saw.
#[derive(Debug)]
pub struct Audit {
    /// Instructions that were stepped through.
    pub steps: usize,
    /// Addresses of those that should have been replaced by a breakpoint and were not.
    pub missed: Vec<usize>,
}

/// Runs `call` instruction by instruction, and looks at each before it is executed.
pub fn audit<R>(call: impl FnOnce() -> R) -> (R, Audit) {
    super::install();
    STEPS.set(0);
    MISSED.with_borrow_mut(|missed| {
        missed.clear();
        missed.reserve(64);
    });
    // SAFETY: the handler of the trap is installed, and takes each step.
    unsafe { std::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
    let result = std::hint::black_box(call());
    // SAFETY: ends what began above.
    unsafe { std::arch::asm!("pushfq", "and qword ptr [rsp], -257", "popfq") };
    let audit = Audit {
        steps: STEPS.get(),
        missed: MISSED.take(),
    };
    (result, audit)
}

fn on_step(context: &mut libc::mcontext_t, rip: usize) {
    STEPS.set(STEPS.get() + 1);
    // SAFETY: the processor is about to execute what is there; code is not the last thing in its
    // page, or else the bytes beyond belong to the next of the same mapping.
    let code = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(rip), LONGEST) };
    let instruction = Decoder::with_ip(64, code, rip as u64, DecoderOptions::NONE).decode();
    if classify(&instruction).is_some() || is_strange(&instruction) {
        MISSED.with(|missed| {
            if let Ok(mut missed) = missed.try_borrow_mut()
                && missed.len() < missed.capacity()
            {
                missed.push(rip);
            }
        });
        context.gregs[libc::REG_EFL as usize] &= !TRAP_FLAG;
    }
}

/// Code and data are coherent here.
///
/// # Safety
/// None is needed.
pub(super) unsafe fn synchronize(_address: usize, _size: usize) {}
