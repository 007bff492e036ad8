//! Finding the instructions to watch.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, Register};

use super::event::{FenceInstruction, FlushInstruction};
use crate::image::{Code, Image};

/// Bytes in the longest instruction.
pub(super) const MAX_INSTRUCTION: usize = 15;

/// What a watched instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteKind {
    /// Flushes a line.
    Flush(FlushInstruction),
    /// Waits for write-backs.
    Fence(FenceInstruction),
    /// MOVNTI.
    NtStore,
    /// MOVNTDQ, of an XMM register.
    NtStoreXmm,
}

impl SiteKind {
    /// The instruction's mnemonic.
    pub fn mnemonic(self) -> &'static str {
        match self {
            SiteKind::Flush(FlushInstruction::Clwb) => "clwb",
            SiteKind::Flush(FlushInstruction::Clflushopt) => "clflushopt",
            SiteKind::Flush(FlushInstruction::Clflush) => "clflush",
            SiteKind::Fence(FenceInstruction::Sfence) => "sfence",
            SiteKind::Fence(FenceInstruction::Mfence) => "mfence",
            SiteKind::NtStore => "movnti",
            SiteKind::NtStoreXmm => "movntdq",
        }
    }
}

/// A watched instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its address.
    pub rip: usize,
    /// What it does.
    pub kind: SiteKind,
    pub(super) instruction: Instruction,
}

/// What the oracle makes of an instruction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Does not concern persistence.
    Other,
    Watched(SiteKind),
    /// Concerns persistence, but is not emulated.
    Unsupported,
}

pub(super) fn classify(instruction: &Instruction) -> Class {
    let kind = match instruction.mnemonic() {
        Mnemonic::Clwb => SiteKind::Flush(FlushInstruction::Clwb),
        Mnemonic::Clflushopt => SiteKind::Flush(FlushInstruction::Clflushopt),
        Mnemonic::Clflush => SiteKind::Flush(FlushInstruction::Clflush),
        Mnemonic::Sfence => SiteKind::Fence(FenceInstruction::Sfence),
        Mnemonic::Mfence => SiteKind::Fence(FenceInstruction::Mfence),
        Mnemonic::Movnti => SiteKind::NtStore,
        Mnemonic::Movntdq => SiteKind::NtStoreXmm,
        other if is_other_store_around_cache(other) => return Class::Unsupported,
        _ => return Class::Other,
    };
    if matches!(instruction.segment_prefix(), Register::FS | Register::GS) {
        return Class::Unsupported;
    }
    Class::Watched(kind)
}

fn is_other_store_around_cache(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        mnemonic,
        Movntpd
            | Movntps
            | Movntq
            | Movntsd
            | Movntss
            | Vmovntdq
            | Vmovntpd
            | Vmovntps
            | Maskmovdqu
            | Maskmovq
            | Vmaskmovdqu
            | Movdiri
            | Movdir64b
            | Enqcmd
            | Enqcmds
            | Clzero
            | Wbinvd
            | Wbnoinvd
            | Invd
            | Cldemote
    )
}

/// The instructions of an image to watch, and those that cannot be, both by ascending address.
pub(super) fn sweep(image: &Image, code: &[Code]) -> (Vec<Site>, Vec<Instruction>) {
    let (mut sites, mut unsupported) = (Vec::new(), Vec::new());
    for code in code {
        for piece in pieces(code, image.functions()) {
            for instruction in instructions(code, piece) {
                match classify(&instruction) {
                    Class::Other => {}
                    Class::Unsupported => unsupported.push(instruction),
                    Class::Watched(kind) => {
                        let rip = instruction.ip() as usize;
                        sites.push(Site {
                            rip,
                            kind,
                            instruction,
                        });
                    }
                }
            }
        }
    }
    sites.sort_by_key(|site| site.rip);
    (sites, unsupported)
}

/// Splits a section where functions are known to start, so that data among code cannot mislead the
/// sweep for long.
fn pieces(code: &Code, starts: impl Iterator<Item = usize>) -> Vec<std::ops::Range<usize>> {
    let end = code.start + code.bytes.len();
    let mut cuts = vec![code.start];
    cuts.extend(starts.filter(|&start| start > code.start && start < end));
    cuts.push(end);
    cuts.windows(2)
        .map(|w| w[0] - code.start..w[1] - code.start)
        .collect()
}

/// Linear sweep; what is not an instruction is stepped over byte by byte.
fn instructions(code: &Code, piece: std::ops::Range<usize>) -> impl Iterator<Item = Instruction> {
    let ip = (code.start + piece.start) as u64;
    let bytes = &code.bytes[piece];
    let mut decoder = Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE);
    std::iter::from_fn(move || {
        while decoder.can_decode() {
            let at = decoder.position();
            let instruction = decoder.decode();
            if !instruction.is_invalid() {
                return Some(instruction);
            }
            // Within the piece: `at` was, and it was not its end.
            decoder.set_position(at + 1).ok()?;
            decoder.set_ip(ip + at as u64 + 1);
        }
        None
    })
}

/// Decodes the one instruction at `rip`.
pub(crate) fn at(code: &[Code], rip: usize) -> Option<Instruction> {
    let code = code
        .iter()
        .find(|c| (c.start..c.start + c.bytes.len()).contains(&rip))?;
    let bytes = &code.bytes[rip - code.start..];
    let bytes = &bytes[..bytes.len().min(MAX_INSTRUCTION)];
    let instruction = Decoder::with_ip(64, bytes, rip as u64, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// The mnemonic of any instruction, for messages.
pub(super) fn mnemonic(instruction: &Instruction) -> String {
    format!("{:?}", instruction.mnemonic()).to_lowercase()
}
