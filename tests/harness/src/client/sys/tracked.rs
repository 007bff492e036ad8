//! A mapping whose first stores are noted.

use super::{Mapping, PAGE, change_protection, install, regions::Registered, store};
use crate::client::{FirstWrites, Pages};
use std::{io, ops::Range};

/// The pages of a mapping.
struct Protection {
    base: usize,
}

impl Protection {
    fn change(&self, pages: Range<usize>, writable: bool) -> io::Result<()> {
        let (first, bytes) = (self.base + pages.start * PAGE, pages.len() * PAGE);
        // SAFETY: pages of a mapping that the owner of this has, as Mapping says. Stores to them are
        // by raw pointers, and the fault's handler makes read-only pages writable again.
        unsafe { change_protection(first, bytes, writable) }
    }
}

impl Pages for Protection {
    type Error = io::Error;

    fn protect(&self, pages: Range<usize>) -> io::Result<()> {
        self.change(pages, false)
    }

    fn unprotect(&self, pages: Range<usize>) -> io::Result<()> {
        self.change(pages, true)
    }

    fn give_way(&self) {
        std::thread::yield_now();
    }
}

/// What a fault's handler needs to know of a tracked mapping.
pub struct Region {
    base: usize,
    pages: usize,
    writes: FirstWrites<Protection>,
}

impl Region {
    pub fn base(&self) -> usize {
        self.base
    }

    pub fn end(&self) -> usize {
        self.base + self.pages * PAGE
    }

    /// A store to `address` faulted: whether it is here and its page now writable.
    pub fn note(&self, address: usize) -> bool {
        let page = address.checked_sub(self.base).map(|offset| offset / PAGE);
        page.filter(|page| *page < self.pages)
            .is_some_and(|page| self.writes.note(page).is_ok())
    }
}

/// The process's handler of faults.
pub struct FaultHandler;

impl FaultHandler {
    /// Installs the handler, in front of those that are there; does nothing if it already is in front.
    /// [`Tracked::new`] does this.
    ///
    /// # Errors
    /// The system's, or others have been installed in front of it too often.
    pub fn install() -> io::Result<()> {
        install()
    }
}

/// A mapping in which the first store to each page is noted, whoever does it.
///
/// Stores that the system does for a program, such as ReadFile into the mapping, are not noted: they
/// fail in pages that were not stored to before.
pub struct Tracked<M: Mapping> {
    /// Dropped, and unregistered, before the mapping.
    region: Registered,
    mapping: M,
}

impl<M: Mapping> Tracked<M> {
    /// Begins to track `mapping`, all of it clean. The mapping is given back if that fails.
    ///
    /// # Errors
    /// The system's; more than [`MAX_REGIONS`](super::MAX_REGIONS) are tracked.
    pub fn new(mapping: M) -> Result<Self, (io::Error, M)> {
        if let Err(error) = install() {
            return Err((error, mapping));
        }
        let (base, pages) = (mapping.base(), mapping.bytes() / PAGE);
        let writes = match FirstWrites::new(Protection { base }, pages) {
            Ok(writes) => writes,
            Err(error) => return Err((error, mapping)),
        };
        let region = Box::new(Region {
            base,
            pages,
            writes,
        });
        match Registered::new(region) {
            Ok(region) => Ok(Self { region, mapping }),
            Err(region) => {
                let error = region.writes.end().err();
                let error = error.unwrap_or_else(|| io::ErrorKind::QuotaExceeded.into());
                Err((error, mapping))
            }
        }
    }

    /// Stores as [`store`] does.
    #[must_use]
    pub fn store(&self, offset: usize, data: &[u8]) -> bool {
        store(&self.mapping, offset, data)
    }

    /// Takes the pages, by their number from 0, that were stored to since they were last taken: runs
    /// in ascending order. What was stored before the call is in them or was in an earlier answer, so
    /// commits that begin with this are made one after another.
    ///
    /// # Errors
    /// The system's; the pages stay dirty.
    pub fn take(&self) -> io::Result<Vec<Range<usize>>> {
        self.region.region().writes.take()
    }

    /// First stores so far.
    pub fn faults(&self) -> u64 {
        self.region.region().writes.faults()
    }

    /// The mapping.
    pub fn mapping(&self) -> &M {
        &self.mapping
    }

    /// Ends the tracking, with every page writable again.
    ///
    /// # Errors
    /// The system's; the tracking goes on.
    pub fn end(self) -> Result<M, (io::Error, Self)> {
        match self.region.region().writes.end() {
            Ok(()) => Ok(self.mapping),
            Err(error) => Err((error, self)),
        }
    }

    /// Ends the tracking of a mapping that is about to be unmapped: pages may stay read-only.
    pub(super) fn into_mapping(self) -> M {
        self.mapping
    }
}
