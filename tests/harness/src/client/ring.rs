//! The producer of a dirty log, as `daxflush_protocol::log_layout` lays it out.

use super::Word;
use daxflush_protocol::{
    FileRange, LOG_MAGIC, MAX_LOG_ENTRIES, MIN_LOG_ENTRIES, log_bytes, log_layout,
};
use std::{
    marker::PhantomData,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

const WORD: usize = size_of::<u64>();
const TAIL: usize = log_layout::TAIL / WORD;
const OVERFLOW: usize = log_layout::OVERFLOW / WORD;
const HEAD: usize = log_layout::HEAD / WORD;
const ENTRIES: usize = log_layout::ENTRIES / WORD;
const ENTRY: usize = size_of::<FileRange>() / WORD;

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Append {
    /// It is in the log.
    Logged,
    /// The log is full: the next commit takes the whole file for dirty.
    Overflowed,
}

/// The memory is not that of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the driver's answer is no dirty log")]
pub struct BadRing;

/// The one producer of a log in memory `M`, a slice of words.
///
/// To be used by the thread whose stores it records, or with every store before the append that
/// records it in the order of some synchronization.
#[derive(Debug)]
pub struct Ring<M, W = AtomicU64> {
    memory: M,
    capacity: u64,
    tail: u64,
    /// The consumer's place when it was last looked at: never ahead of where it is.
    head: u64,
    words: PhantomData<W>,
}

impl<M: AsRef<[W]>, W: Word> Ring<M, W> {
    /// Goes on with a log where its tail is.
    ///
    /// # Errors
    /// The memory has no log's header, or is shorter than the header says.
    pub fn new(memory: M) -> Result<Self, BadRing> {
        let words = memory.as_ref();
        let header = words.first().ok_or(BadRing)?.load(Relaxed);
        let capacity = (header >> (8 * log_layout::CAPACITY)) as u32;
        let valid = header as u32 == LOG_MAGIC
            && capacity.is_power_of_two()
            && (MIN_LOG_ENTRIES..=MAX_LOG_ENTRIES).contains(&capacity)
            && words.len() * WORD >= log_bytes(capacity);
        if !valid {
            return Err(BadRing);
        }
        let (tail, head) = (words[TAIL].load(Relaxed), words[HEAD].load(Acquire));
        Ok(Self {
            memory,
            capacity: capacity.into(),
            tail,
            head,
            words: PhantomData,
        })
    }

    /// Records that `range` was stored to. No system call, no allocation, no waiting; an empty range
    /// is not recorded.
    pub fn append(&mut self, range: FileRange) -> Append {
        if range.length == 0 {
            return Append::Logged;
        }
        let words = self.memory.as_ref();
        if self.tail.wrapping_sub(self.head) >= self.capacity {
            self.head = words[HEAD].load(Acquire);
            if self.tail.wrapping_sub(self.head) >= self.capacity {
                words[OVERFLOW].store(1, Release);
                return Append::Overflowed;
            }
        }
        let slot = ENTRIES + (self.tail & (self.capacity - 1)) as usize * ENTRY;
        words[slot].store(range.offset, Relaxed);
        words[slot + 1].store(range.length, Relaxed);
        self.tail = self.tail.wrapping_add(1);
        words[TAIL].store(self.tail, Release);
        Append::Logged
    }

    /// Entries that fit.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }
}

const _: () = assert!(log_layout::MAGIC == 0 && log_layout::CAPACITY == 4);
const _: () = assert!(size_of::<FileRange>() == 2 * WORD);
