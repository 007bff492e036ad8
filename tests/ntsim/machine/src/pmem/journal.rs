//! A journal of all that happens to a device, for replaying it in a model of persistence of one's
//! own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::LINE;

/// One thing that happened to a device. Offsets are bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalEntry {
    /// A plain store of the host's, or through one of its views. Plain stores of an image are not
    /// seen; what they left is in the next flush of the line.
    Store {
        /// Of the first byte.
        offset: u64,
        /// What was stored.
        data: Box<[u8]>,
    },
    /// CLWB or CLFLUSHOPT.
    Flush {
        /// Which executed it.
        processor: u32,
        /// Of the line.
        line: u64,
        /// What the line held.
        bytes: [u8; LINE as usize],
    },
    /// CLFLUSH, which needs no fence.
    OrderedFlush {
        /// Of the line.
        line: u64,
        /// What the line held.
        bytes: [u8; LINE as usize],
    },
    /// A store past the caches, inside one line.
    NtStore {
        /// Which executed it.
        processor: u32,
        /// Of the first byte.
        offset: u64,
        /// What was stored.
        data: Box<[u8]>,
    },
    /// SFENCE or MFENCE of a processor that had something of this device in flight.
    Fence {
        /// Which executed it.
        processor: u32,
    },
    /// These lines are durable as they are.
    Declared {
        /// Of the first line.
        start: u64,
        /// Of the first byte after them.
        end: u64,
    },
    /// These lines are zero, durably.
    Zeroed {
        /// Of the first line.
        start: u64,
        /// Of the first byte after them.
        end: u64,
    },
    /// What the host says with [`Pmem::mark`](super::Pmem::mark).
    Mark(u64),
}

/// An entry, and the address of the image's instruction that made it, if one did and somebody told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journaled {
    /// What happened.
    pub entry: JournalEntry,
    /// See [`Pmem::annotate`](super::Pmem::annotate).
    pub instruction: Option<usize>,
}

/// The journal of a device. It costs one comparison while it is not kept.
#[derive(Debug, Default)]
pub(super) struct Journal {
    kept: AtomicBool,
    entries: Mutex<Vec<Journaled>>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, Vec<Journaled>> {
        self.entries
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn start(&self) {
        self.entries().clear();
        self.kept.store(true, Ordering::Release);
    }

    pub fn take(&self) -> Vec<Journaled> {
        self.kept.store(false, Ordering::Release);
        std::mem::take(&mut *self.entries())
    }

    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Adds an entry, which is made up only if the journal is kept.
    pub fn add(&self, entry: impl FnOnce() -> JournalEntry) {
        if self.kept.load(Ordering::Acquire) {
            self.entries().push(Journaled {
                entry: entry(),
                instruction: None,
            });
        }
    }

    /// The last entry was made by this instruction, if instructions make such entries and it has
    /// none yet: a fence with nothing in flight makes no entry.
    pub fn annotate(&self, instruction: usize) {
        use JournalEntry::{Fence, Flush, NtStore, OrderedFlush};
        if self.kept.load(Ordering::Acquire)
            && let Some(last) = self.entries().last_mut()
            && let Flush { .. } | OrderedFlush { .. } | NtStore { .. } | Fence { .. } = last.entry
        {
            last.instruction.get_or_insert(instruction);
        }
    }
}
