//! Random calls.

use crate::arena::{Arena, PAGE};
use daxflush_nvmem::NvMemoryRange;
use fastrand::Rng;
use std::{ptr, slice};

/// What is passed as a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The region's.
    Valid,
    /// `FLUSH_NV_MEMORY_DEFAULT_TOKEN`.
    Default,
    /// The region's, with these bits changed.
    Forged(usize),
    /// One that was freed.
    Freed,
    /// The region's, as a program that keeps it in 32 bits passes it.
    Truncated,
    /// This pointer.
    Any(usize),
}

/// Where a write's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Memory that has nothing to do with the destination.
    Elsewhere(&'static [u8]),
    /// An address, possibly in the destination.
    Address(usize),
}

impl Source {
    /// Address of the first byte.
    #[must_use]
    pub fn address(self) -> *const u8 {
        match self {
            Self::Elsewhere(bytes) => bytes.as_ptr(),
            Self::Address(address) => ptr::with_exposed_provenance(address),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// They are readable, and do not change as long as the slice is used.
    #[must_use]
    pub unsafe fn bytes<'a>(self, size: usize) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(self.address(), size) }
    }
}

/// A call of a routine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `RtlFlushNonVolatileMemory`.
    Flush {
        /// What.
        range: NvMemoryRange,
        /// `FLUSH_NV_MEMORY_IN_FLAG_*`.
        flags: u32,
    },
    /// `RtlFlushNonVolatileMemoryRanges`.
    FlushRanges {
        /// What.
        ranges: Vec<NvMemoryRange>,
        /// `FLUSH_NV_MEMORY_IN_FLAG_*`.
        flags: u32,
    },
    /// `RtlDrainNonVolatileFlush`.
    Drain,
    /// `RtlWriteNonVolatileMemory`.
    Write {
        /// Where to.
        destination: usize,
        /// Where from.
        source: Source,
        /// Bytes.
        size: usize,
        /// `WRITE_NV_MEMORY_FLAG_*`.
        flags: u32,
    },
    /// `RtlFillNonVolatileMemory`.
    Fill {
        /// Where to.
        destination: usize,
        /// Bytes.
        size: usize,
        /// With what.
        value: u8,
        /// `FILL_NV_MEMORY_FLAG_*`.
        flags: u32,
    },
}

/// A call on a token of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Bytes of the arena that the token is for.
    pub region: NvMemoryRange,
    /// The token.
    pub token: Token,
    /// The call.
    pub call: Call,
}

/// Makes cases in an arena.
#[derive(Debug)]
pub struct Cases<'a> {
    random: Rng,
    base: usize,
    size: usize,
    elsewhere: &'static [u8],
    arena: std::marker::PhantomData<&'a Arena>,
}

impl<'a> Cases<'a> {
    /// The cases of a seed.
    #[must_use]
    pub fn new(seed: u64, arena: &'a Arena) -> Self {
        let mut random = Rng::with_seed(seed);
        let elsewhere: Vec<u8> = (0..arena.size()).map(|_| random.u8(..)).collect();
        Self {
            random,
            base: arena.base(),
            size: arena.size(),
            elsewhere: elsewhere.leak(),
            arena: std::marker::PhantomData,
        }
    }

    fn case(&mut self) -> Case {
        let region = self.inside(NvMemoryRange::new(self.base, self.size), false);
        let token = self.token();
        // Nothing stops a call with the default token.
        let limits = match token {
            Token::Default => NvMemoryRange::new(self.base, self.size),
            _ => region,
        };
        let strict = token == Token::Default || self.random.u8(..4) > 0;
        let call = self.call(limits, strict);
        Case {
            region,
            token,
            call,
        }
    }

    fn token(&mut self) -> Token {
        match self.random.u8(..40) {
            0 => Token::Forged(1 << self.random.u32(..64)),
            1 => Token::Forged(self.random.usize(1..)),
            2 => Token::Freed,
            3 => Token::Truncated,
            4 => Token::Any(self.random.usize(..4)),
            5 => Token::Any(self.base + self.random.usize(..64)),
            6..10 => Token::Default,
            _ => Token::Valid,
        }
    }

    fn call(&mut self, limits: NvMemoryRange, strict: bool) -> Call {
        match self.random.u8(..16) {
            0 => Call::Drain,
            1..4 => Call::Flush {
                range: self.range(limits, strict),
                flags: self.flush_flags(),
            },
            4..9 => {
                let count = *self.choice(&[0, 1, 1, 2, 3, 5, 12, 40]);
                Call::FlushRanges {
                    ranges: (0..count).map(|_| self.range(limits, strict)).collect(),
                    flags: self.flush_flags(),
                }
            }
            9..13 => {
                let target = self.range(limits, strict);
                let size = target.length.min(self.size);
                Call::Write {
                    destination: target.base_address,
                    source: self.source(target.base_address, size),
                    size,
                    flags: self.write_flags(),
                }
            }
            _ => {
                let target = self.range(limits, strict);
                Call::Fill {
                    destination: target.base_address,
                    size: target.length,
                    value: self.random.u8(..),
                    flags: self.write_flags(),
                }
            }
        }
    }

    /// A range inside the limits, or (not strictly) one that may reach out of them, or be none.
    fn range(&mut self, limits: NvMemoryRange, strict: bool) -> NvMemoryRange {
        let end = limits.base_address + limits.length;
        if strict || self.random.u8(..3) > 0 {
            return self.inside(limits, true);
        }
        match self.random.u8(..6) {
            0 => NvMemoryRange::new(limits.base_address - 1, self.random.usize(1..100)),
            1 => NvMemoryRange::new(end - 1, 2),
            2 => NvMemoryRange::new(end, 1),
            3 => NvMemoryRange::new(limits.base_address, usize::MAX - self.random.usize(..100)),
            4 => NvMemoryRange::new(self.random.usize(..), self.random.usize(..)),
            _ => NvMemoryRange::new(0, self.random.usize(..2)),
        }
    }

    /// A part of a range, often beginning or ending where something interesting is.
    fn inside(&mut self, limits: NvMemoryRange, may_be_empty: bool) -> NvMemoryRange {
        let last = limits.base_address + limits.length;
        let start = self.place(limits.base_address, last - usize::from(!may_be_empty));
        let end = match self.random.u8(..8) {
            0 => self.place(start, last),
            1 if may_be_empty => start,
            2..5 => start + self.random.usize(..300),
            _ => start + *self.choice(&[1, 7, 8, 16, 63, 64, 65, 128, 256, 300, 4096]),
        };
        let end = end.clamp(start + usize::from(!may_be_empty), last);
        NvMemoryRange::new(start, end - start)
    }

    fn place(&mut self, first: usize, last: usize) -> usize {
        let middle = self.base + self.size / 2;
        let near =
            |random: &mut Rng, place: usize| place.saturating_add_signed(random.isize(-70..=70));
        let place = match self.random.u8(..8) {
            0 => near(&mut self.random, middle),
            1 => near(&mut self.random, first),
            2 => near(&mut self.random, last),
            3 => {
                let page = self.random.usize(first..=last) / PAGE * PAGE;
                near(&mut self.random, page)
            }
            4 => self.random.usize(first..=last) / 64 * 64,
            _ => self.random.usize(first..=last),
        };
        place.clamp(first, last)
    }

    fn source(&mut self, destination: usize, size: usize) -> Source {
        let here = self.base..=self.base + self.size - size;
        if self.random.u8(..4) == 0 && here.contains(&destination) {
            let shift = self.random.isize(-200..200);
            let address = destination.saturating_add_signed(shift);
            Source::Address(address.clamp(*here.start(), *here.end()))
        } else {
            let offset = self.random.usize(..=self.elsewhere.len() - size);
            Source::Elsewhere(&self.elsewhere[offset..offset + size])
        }
    }

    fn flush_flags(&mut self) -> u32 {
        *self.choice(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 0x8000_0001])
    }

    fn write_flags(&mut self) -> u32 {
        *self.choice(&[
            0,
            1,
            1,
            2,
            2,
            2,
            3,
            3,
            3,
            0x101,
            0x101,
            0x102,
            0x103,
            0x100,
            4,
            0x200,
            0x8000_0002,
        ])
    }

    fn choice<'b, T>(&mut self, choices: &'b [T]) -> &'b T {
        &choices[self.random.usize(..choices.len())]
    }
}

impl Iterator for Cases<'_> {
    type Item = Case;

    fn next(&mut self) -> Option<Case> {
        Some(self.case())
    }
}
