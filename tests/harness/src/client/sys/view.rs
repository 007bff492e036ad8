//! A mapped view of a file, tracked or not.

use super::{Mapping, Platform, Tracked, store};
use std::{io, ops::Range};

/// A writable view, unmapped when its last owner drops it. Any thread may store to it.
pub struct View<P: Platform> {
    platform: P,
    offset: u64,
    length: u64,
    memory: Option<Memory<P::View>>,
}

enum Memory<M: Mapping> {
    Plain(M),
    Tracked(Tracked<M>),
}

impl<M: Mapping> Memory<M> {
    fn mapping(&self) -> &M {
        match self {
            Self::Plain(mapping) => mapping,
            Self::Tracked(tracked) => tracked.mapping(),
        }
    }
}

impl<P: Platform> View<P> {
    /// A view of `length` bytes from `offset` of a file.
    pub(in crate::client) fn new(platform: P, mapping: P::View, offset: u64, length: u64) -> Self {
        Self {
            platform,
            offset,
            length,
            memory: Some(Memory::Plain(mapping)),
        }
    }

    /// Begins first-write tracking, with all of the view clean.
    pub(in crate::client) fn track(&mut self) -> io::Result<()> {
        let (memory, done) = match self.memory.take() {
            Some(Memory::Plain(mapping)) => match Tracked::new(mapping) {
                Ok(tracked) => (Some(Memory::Tracked(tracked)), Ok(())),
                Err((error, mapping)) => (Some(Memory::Plain(mapping)), Err(error)),
            },
            other => (other, Ok(())),
        };
        self.memory = memory;
        done
    }

    /// CPU stores at an offset in the file; false, with nothing stored, if that is not in the view.
    /// What is said of [`store`] holds.
    #[must_use]
    pub fn store(&self, offset: u64, data: &[u8]) -> bool {
        let Some((within, memory)) = self.within(offset, data.len() as u64).zip(self.memory())
        else {
            return false;
        };
        usize::try_from(within).is_ok_and(|within| store(memory.mapping(), within, data))
    }

    /// The offset in the view of a range of the file that lies within it.
    pub(in crate::client) fn within(&self, offset: u64, length: u64) -> Option<u64> {
        let within = offset.checked_sub(self.offset)?;
        let end = within.checked_add(length)?;
        (end <= self.length).then_some(within)
    }

    /// The first byte of the file that is in the view.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that are mapped.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the first byte is in this process.
    pub fn address(&self) -> Option<usize> {
        self.mapping().map(Mapping::base)
    }

    /// First stores to pages so far, if they are tracked.
    pub fn faults(&self) -> Option<u64> {
        match self.memory()? {
            Memory::Tracked(tracked) => Some(tracked.faults()),
            Memory::Plain(_) => None,
        }
    }

    /// See [`Tracked::take`]; nothing if the view is not tracked.
    pub(in crate::client) fn take(&self) -> io::Result<Vec<Range<usize>>> {
        match self.memory() {
            Some(Memory::Tracked(tracked)) => tracked.take(),
            _ => Ok(Vec::new()),
        }
    }

    pub(in crate::client) fn mapping(&self) -> Option<&P::View> {
        self.memory().map(Memory::mapping)
    }

    /// There but while the view is being dropped.
    fn memory(&self) -> Option<&Memory<P::View>> {
        self.memory.as_ref()
    }
}

impl<P: Platform> Drop for View<P> {
    fn drop(&mut self) {
        match self.memory.take() {
            Some(Memory::Plain(mapping)) => self.platform.unmap(mapping),
            // Whether its pages can be made writable does not matter any more.
            Some(Memory::Tracked(tracked)) => self.platform.unmap(tracked.into_mapping()),
            None => {}
        }
    }
}
