//! Finding where basic blocks begin.
//!
//! Code is followed from where functions are known to start, along direct branches. Blocks that only
//! a jump table leads to are found behind the ends of others, within a function that jumps indirectly;
//! a compiler that puts such tables into the function itself, as LLVM does not, would have them taken
//! for code.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind};

use crate::image::{Code, Image};
use crate::oracle::decode_at;

/// First instructions of basic blocks, by ascending address.
pub(super) fn leaders(image: &Image, code: &[Code]) -> Vec<usize> {
    let functions: Vec<Range<usize>> = image.function_ranges().collect();
    let starts = functions.iter().map(|function| function.start);
    let roots = starts.chain(image.entries());
    let mut walk = Walk {
        code,
        roots: roots.filter(|&at| within(code, at)).collect(),
        leaders: BTreeSet::new(),
        instructions: BTreeMap::new(),
        indirect: BTreeSet::new(),
        to_do: Vec::new(),
    };
    walk.to_do.extend(&walk.roots);
    walk.follow();
    for function in &functions {
        while walk.find_behind_table(function) {}
    }
    walk.finish()
}

fn within(code: &[Code], at: usize) -> bool {
    let holds = |code: &Code| (code.start..code.start + code.bytes.len()).contains(&at);
    code.iter().any(holds)
}

struct Walk<'a> {
    code: &'a [Code],
    /// Where functions start: no block goes on past one.
    roots: BTreeSet<usize>,
    leaders: BTreeSet<usize>,
    /// Instructions that were come by, with their lengths.
    instructions: BTreeMap<usize, usize>,
    /// Those that jump where a register or memory says.
    indirect: BTreeSet<usize>,
    to_do: Vec<usize>,
}

impl Walk<'_> {
    fn follow(&mut self) {
        while let Some(leader) = self.to_do.pop() {
            if within(self.code, leader) && self.leaders.insert(leader) {
                self.block(leader);
            }
        }
    }

    /// Goes along a block to its end.
    fn block(&mut self, leader: usize) {
        let mut at = leader;
        while !self.instructions.contains_key(&at) && (at == leader || !self.roots.contains(&at)) {
            let Some(instruction) = decode_at(self.code, at) else {
                return;
            };
            if instruction.mnemonic() == Mnemonic::Int3 {
                return;
            }
            self.instructions.insert(at, instruction.len());
            let next = instruction.next_ip() as usize;
            self.to_do.extend(target(&instruction));
            match instruction.flow_control() {
                FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => at = next,
                FlowControl::ConditionalBranch => return self.to_do.push(next),
                FlowControl::IndirectBranch => {
                    self.indirect.insert(at);
                    return;
                }
                _ => return,
            }
        }
    }

    /// Looks for one more block in a function with an indirect jump.
    fn find_behind_table(&mut self, function: &Range<usize>) -> bool {
        if self.indirect.range(function.clone()).next().is_none() {
            return false;
        }
        let mut at = function.start;
        while at < function.end {
            if let Some(length) = self.instructions.get(&at) {
                at += length;
                continue;
            }
            match decode_at(self.code, at) {
                Some(i) if matches!(i.mnemonic(), Mnemonic::Int3 | Mnemonic::Nop) => at += i.len(),
                Some(_) if self.fits(at, function.end) => {
                    self.to_do.push(at);
                    self.follow();
                    return true;
                }
                _ => return false,
            }
        }
        false
    }

    /// Whether instructions from `at` on lead to the end of a block, or to one that is known.
    fn fits(&self, mut at: usize, end: usize) -> bool {
        while at < end {
            if self.instructions.contains_key(&at) {
                return true;
            }
            let Some(instruction) = decode_at(self.code, at) else {
                return false;
            };
            let next = instruction.next_ip() as usize;
            if self.instructions.range(at..next).next().is_some() {
                return false;
            }
            if !matches!(
                instruction.flow_control(),
                FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall
            ) {
                return next <= end;
            }
            at = next;
        }
        false
    }

    /// Leaves out what lies inside of other instructions: a breakpoint there would change them.
    fn finish(self) -> Vec<usize> {
        let apart = |at: &usize| {
            let before = self.instructions.range(..*at).next_back();
            before.is_none_or(|(start, length)| start + length <= *at)
        };
        let known = |at: &usize| self.instructions.contains_key(at);
        let leaders = self.leaders.iter().copied();
        leaders.filter(|at| known(at) && apart(at)).collect()
    }
}

/// Where a direct jump or call leads.
fn target(instruction: &Instruction) -> Option<usize> {
    let near = [
        OpKind::NearBranch16,
        OpKind::NearBranch32,
        OpKind::NearBranch64,
    ];
    let direct = instruction.op_count() == 1 && near.contains(&instruction.op0_kind());
    direct.then(|| instruction.near_branch_target() as usize)
}
