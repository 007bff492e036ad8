//! Which basic blocks of an image were executed, for fuzzing: the shipped binary is not instrumented.
//!
//! A breakpoint stands at the beginning of each block until it is reached the first time; then the
//! code is as it was. So a block costs one trap in the life of its oracle, and nothing afterwards.

mod alias;
mod leaders;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use alias::Alias;

use crate::image::{Code, Image};

/// INT3.
const BREAKPOINT: u8 = 0xcc;

/// The basic blocks of an image: see [`Oracle::cover_blocks`](crate::oracle::Oracle::cover_blocks).
#[derive(Debug)]
pub struct Coverage {
    base: usize,
    blocks: Vec<Block>,
    reached: AtomicUsize,
    aliases: Vec<Alias>,
}

#[derive(Debug)]
struct Block {
    start: usize,
    /// Its first byte; none if a watched instruction stands there, whose breakpoint stays.
    byte: Option<u8>,
    reached: AtomicBool,
}

impl Coverage {
    /// Finds the blocks of an image and makes its code shared memory. `code` is the code as it was
    /// before any breakpoint; `is_watched` says where one stands that is another's.
    ///
    /// # Safety
    /// Nobody runs image code meanwhile.
    pub(crate) unsafe fn new(
        image: &Image,
        code: &[Code],
        is_watched: impl Fn(usize) -> bool,
    ) -> io::Result<Coverage> {
        let byte = |at: usize| {
            let holds = |code: &&Code| (code.start..code.start + code.bytes.len()).contains(&at);
            let code = code.iter().find(holds)?;
            Some(code.bytes[at - code.start]).filter(|_| !is_watched(at))
        };
        let block = |start| Block {
            start,
            byte: byte(start),
            reached: AtomicBool::new(false),
        };
        let blocks = leaders::leaders(image, code).into_iter().map(block);
        let now = image.code();
        // SAFETY: sections of an image as they are now; the caller vouches for the rest.
        let aliases = now.iter().map(|code| unsafe { Alias::new(code) });
        Ok(Coverage {
            base: image.base(),
            blocks: blocks.collect(),
            reached: AtomicUsize::new(0),
            aliases: aliases.collect::<io::Result<_>>()?,
        })
    }

    /// Plants all breakpoints. Their handler must know of `self`, and nobody may run image code.
    pub(crate) fn plant(&self) {
        let own = self.blocks.iter().filter(|block| block.byte.is_some());
        own.for_each(|block| self.put(block.start, BREAKPOINT));
    }

    /// Takes out the breakpoints that are left.
    pub(crate) fn remove(&self) {
        for block in &self.blocks {
            self.restore(block);
        }
    }

    /// The processor has come to an address, perhaps by a breakpoint. Whether it has to execute what
    /// stands there now.
    pub(crate) fn come_to(&self, at: usize) -> bool {
        let Ok(index) = self.blocks.binary_search_by_key(&at, |block| block.start) else {
            return false;
        };
        let block = &self.blocks[index];
        if !block.reached.swap(true, Ordering::SeqCst) {
            self.reached.fetch_add(1, Ordering::SeqCst);
        }
        self.restore(block);
        block.byte.is_some()
    }

    fn restore(&self, block: &Block) {
        if let Some(byte) = block.byte {
            self.put(block.start, byte);
        }
    }

    fn put(&self, at: usize, byte: u8) {
        for alias in &self.aliases {
            alias.put(at, byte);
        }
    }

    /// Blocks that were found.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Blocks that were reached so far.
    pub fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    /// Whether a block was reached; blocks are numbered by ascending address.
    pub fn is_reached(&self, block: usize) -> bool {
        let block = self.blocks.get(block);
        block.is_some_and(|block| block.reached.load(Ordering::SeqCst))
    }

    /// Where a block begins, from the image's base.
    pub fn offset(&self, block: usize) -> Option<usize> {
        Some(self.blocks.get(block)?.start - self.base)
    }
}
