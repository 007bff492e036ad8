//! Code that is not always there: what may be paged out (making-drivers-pageable), and what is
//! discarded when DriverEntry has returned.

use super::{Image, Section};
use crate::{guarded, special_pool};
use std::io;
use std::ops::Range;
use std::sync::Mutex;

/// Where pageable code is or was; addresses are never used again.
static PAGEABLE: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());

impl Image {
    fn range(&self, section: &Section) -> Range<usize> {
        let start = self.base() + section.rva as usize;
        start..start + section.size as usize
    }

    /// Says which code may be paged out.
    pub(super) fn register_pageable(&self) {
        for section in self.loaded.sections.iter().filter(|s| s.pageable) {
            let range = self.range(section);
            let what = "pageable code at DISPATCH_LEVEL".to_owned();
            guarded::mean(range.clone(), "paged code", what);
            PAGEABLE.lock().expect("pageable code").push(range);
        }
    }

    /// Pages code out, as a thread that goes to DISPATCH_LEVEL must expect.
    ///
    /// # Errors
    /// The system's.
    pub fn page_out(&self) -> io::Result<()> {
        self.take(|section| section.pageable)
    }

    /// DriverEntry has returned: discards what only that needs.
    ///
    /// # Errors
    /// The system's.
    pub fn discard_init(&self) -> io::Result<()> {
        for section in self.loaded.sections.iter().filter(|s| s.discarded) {
            let what = "the INIT section after DriverEntry had returned".to_owned();
            guarded::mean(self.range(section), "discarded code", what);
        }
        self.take(|section| section.discarded)
    }

    fn take(&self, which: impl Fn(&Section) -> bool) -> io::Result<()> {
        let mut sections = self.loaded.sections.iter().filter(|s| which(s));
        sections.try_for_each(|section| {
            let (rva, size) = (section.rva as usize, section.size as usize);
            self.loaded.mapping.protect(rva, size, libc::PROT_NONE)
        })
    }
}

/// A fault: pages code in again if that can be done at the thread's IRQL.
pub(crate) fn page_in(address: usize) -> bool {
    let Ok(pageable) = PAGEABLE.try_lock() else {
        return false;
    };
    let found = pageable.iter().find(|range| range.contains(&address));
    let Some(range) = found.filter(|_| special_pool::may_page_in()) else {
        return false;
    };
    let protection = libc::PROT_READ | libc::PROT_EXEC;
    let at = range.start as *mut libc::c_void;
    // SAFETY: pages of a loaded image, as they were protected before they were paged out.
    unsafe { libc::mprotect(at, range.len(), protection) == 0 }
}
