//! What the oracle reports.

use crate::pmem::Location;

/// Instructions that write a cache line back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlushInstruction {
    /// Writes back, may keep the line; needs a fence.
    Clwb,
    /// Writes back and evicts; needs a fence.
    Clflushopt,
    /// Writes back and evicts, in order.
    Clflush,
}

/// Instructions that wait for write-backs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceInstruction {
    /// Orders stores, flushes and non-temporal stores.
    Sfence,
    /// Orders loads as well.
    Mfence,
}

/// One executed instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Position among the events of its oracle, from 0.
    pub seq: u64,
    /// The executing thread, as [`current_thread`](crate::current_thread) names it.
    pub thread: u32,
    /// Address of the instruction.
    pub rip: usize,
    /// What it did.
    pub kind: EventKind,
}

/// What an instruction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Flushed a cache line.
    Flush {
        /// How.
        instruction: FlushInstruction,
        /// The address that it named, anywhere in the line.
        va: usize,
        /// Where the line starts, if it is persistent memory.
        pmem: Option<Location>,
    },
    /// Waited for write-backs.
    Fence {
        /// How.
        instruction: FenceInstruction,
    },
    /// Stored around the cache.
    NtStore {
        /// The address of the first byte.
        va: usize,
        /// Bytes stored: 4 or 8.
        len: usize,
        /// Where the first byte lies, if it is persistent memory.
        pmem: Option<Location>,
    },
}

impl Event {
    /// For a flush of persistent memory: offset of the line on its device.
    pub fn pmem_line(&self) -> Option<u64> {
        match self.kind {
            EventKind::Flush { pmem, .. } => pmem.map(|location| location.offset),
            _ => None,
        }
    }
}

/// Totals since an oracle was planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Flushes of persistent memory.
    pub flushes: u64,
    /// Flushes of anything else.
    pub foreign_flushes: u64,
    /// Fences.
    pub fences: u64,
    /// Non-temporal stores, anywhere.
    pub nt_stores: u64,
}

impl std::ops::Sub for Observed {
    type Output = Observed;

    /// What was executed between two readings.
    fn sub(self, earlier: Observed) -> Observed {
        Observed {
            flushes: self.flushes - earlier.flushes,
            foreign_flushes: self.foreign_flushes - earlier.foreign_flushes,
            fences: self.fences - earlier.fences,
            nt_stores: self.nt_stores - earlier.nt_stores,
        }
    }
}

/// Recorded events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// In the order in which they were recorded.
    pub events: Vec<Event>,
    /// How many did not fit.
    pub dropped: u64,
}
