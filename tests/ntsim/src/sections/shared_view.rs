//! What a program does with memory that the driver shares with it.

use crate::{NtStatus, Sim, thread};
use ntsim_machine::shared_memory::Mapping;
use std::sync::atomic::Ordering;

/// Access to a page-file view by the program that it is mapped into. It is a mapping of its own of
/// the same memory, so that it stays safe when the view goes.
#[derive(Debug)]
pub struct SharedView {
    mapping: Mapping,
    writable: bool,
}

impl SharedView {
    /// Length in bytes.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Reads the 8 aligned bytes number `index`.
    ///
    /// # Panics
    /// They are not within the view.
    pub fn load(&self, index: usize) -> u64 {
        let word = self.mapping.word(index);
        word.expect("within the view").load(Ordering::SeqCst)
    }

    /// Stores the 8 aligned bytes number `index`.
    ///
    /// # Panics
    /// They are not within the view, or it was not mapped PAGE_READWRITE.
    pub fn store(&self, index: usize, value: u64) {
        assert!(self.writable, "a store to a read-only view");
        let word = self.mapping.word(index);
        word.expect("within the view")
            .store(value, Ordering::SeqCst);
    }
}

impl Sim {
    /// A page-file view at an address of the calling process that has `bytes` at least from there.
    ///
    /// # Errors
    /// STATUS_NOT_MAPPED_VIEW if there is no such view, or it does not begin there.
    pub fn shared_view(&self, address: u64, bytes: usize) -> Result<SharedView, NtStatus> {
        let state = self.kernel.lock();
        let view = state.views.get(&(address as usize));
        let view = view
            .filter(|view| view.process == thread::process() && view.len() >= bytes)
            .ok_or(NtStatus::NOT_MAPPED_VIEW)?;
        let mapping = view.again(&state).ok_or(NtStatus::NOT_MAPPED_VIEW)?;
        let writable = view.writable;
        Ok(SharedView { mapping, writable })
    }

    /// UnmapViewOfFile of a view that the driver mapped into the calling process.
    ///
    /// # Errors
    /// STATUS_NOT_MAPPED_VIEW.
    pub fn unmap_shared(&self, address: u64) -> Result<(), NtStatus> {
        self.kernel.unmap_by_program(address as usize)
    }
}
