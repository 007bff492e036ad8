//! Filter Manager contexts: memory with a reference count (nf-fltkernel-fltallocatecontext).

use crate::{
    NtStatus,
    kernel::{Kernel, State},
    nt::Block,
    thread,
};
use std::sync::Arc;

pub(crate) const INSTANCE: u16 = 0x2;
pub(crate) const STREAM: u16 = 0x8;
pub(crate) const SECTION: u16 = 0x40;

pub(crate) struct Context {
    block: Block,
    pub kind: u16,
    references: u32,
}

/// Where a context can be attached.
pub(crate) enum Place {
    Instance(usize),
    Stream(u64),
}

impl State {
    /// The place's context, if it exists.
    fn slot(&mut self, place: &Place) -> Result<&mut Option<usize>, NtStatus> {
        match place {
            Place::Instance(instance) => self
                .volumes
                .iter_mut()
                .find(|volume| volume.instance_address() == *instance)
                .map(|volume| &mut volume.instance_context)
                .ok_or(NtStatus::INVALID_PARAMETER),
            Place::Stream(file) => self
                .files
                .get_mut(file)
                .map(|fcb| &mut fcb.stream_context)
                .ok_or(NtStatus::NOT_SUPPORTED),
        }
    }

    /// The Filter Manager's own, for a context that it has found.
    pub fn add_reference(&mut self, address: usize) {
        if let Some(context) = self.contexts.get_mut(&address) {
            context.references += 1;
        }
    }
}

impl Kernel {
    pub fn allocate_context(&self, kind: u16, size: usize) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        let filter = state.filter.as_ref().ok_or(NtStatus::INVALID_PARAMETER)?;
        let registered = filter.contexts.iter().find(|context| context.kind == kind);
        if registered.is_none_or(|context| context.size != size) {
            drop(state);
            self.violation(
                "context",
                &format!("type {kind:#x} of {size} bytes is not registered"),
            );
            return Err(NtStatus::INVALID_PARAMETER);
        }
        let block = Block::zeroed(size.max(8));
        let address = block.address();
        state.contexts.insert(
            address,
            Context {
                block,
                kind,
                references: 1,
            },
        );
        Ok(address)
    }

    /// Another reference to a place's context (nf-fltkernel-fltgetstreamcontext).
    pub fn get_context(&self, place: &Place) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        let address = state.slot(place)?.ok_or(NtStatus::NOT_FOUND)?;
        state.add_reference(address);
        Ok(address)
    }

    /// Attaches a context unless the place has one, which is then referenced and returned
    /// (nf-fltkernel-fltsetstreamcontext, FLT_SET_CONTEXT_KEEP_IF_EXISTS).
    pub fn set_context(&self, place: &Place, new: usize) -> Result<(), (NtStatus, usize)> {
        let mut state = self.lock();
        let kind = match place {
            Place::Instance(_) => INSTANCE,
            Place::Stream(_) => STREAM,
        };
        if state
            .contexts
            .get(&new)
            .is_none_or(|context| context.kind != kind)
        {
            drop(state);
            self.violation("context", "a context was set that is of another type");
            return Err((NtStatus::INVALID_PARAMETER, 0));
        }
        let slot = state.slot(place).map_err(|status| (status, 0))?;
        if let Some(old) = *slot {
            state.add_reference(old);
            return Err((NtStatus::FLT_CONTEXT_ALREADY_DEFINED, old));
        }
        *slot = Some(new);
        state.add_reference(new);
        Ok(())
    }

    /// Gives back a reference; the last one calls the cleanup callback and frees
    /// (nf-fltkernel-fltreleasecontext).
    pub fn release_context(self: &Arc<Self>, address: usize) {
        let mut state = self.lock();
        let Some(context) = state.contexts.get_mut(&address) else {
            drop(state);
            self.violation("context", "a context was released that does not exist");
            return;
        };
        context.references -= 1;
        if context.references != 0 {
            return;
        }
        let kind = context.kind;
        let filter = state.filter.as_ref();
        let cleanup = filter.and_then(|filter| filter.cleanup(kind));
        self.outstanding.lock().cleanups += 1;
        drop(state);
        if let Some(cleanup) = cleanup {
            let kind = usize::from(kind);
            // SAFETY: the callback takes the context and its type
            // (nc-fltkernel-pflt_context_cleanup_callback).
            self.driver_callback(thread::irql(), || unsafe {
                ntsim_machine::call::call2(cleanup, address, kind)
            });
        }
        let freed = self.lock().contexts.remove(&address);
        debug_assert!(freed.is_some_and(|context| context.block.address() == address));
        self.outstanding.lock().cleanups -= 1;
        self.outstanding.notify();
    }

    /// Detaches and releases a place's context.
    pub fn detach_context(self: &Arc<Self>, place: &Place) {
        let context = self.lock().slot(place).ok().and_then(Option::take);
        if let Some(context) = context {
            self.release_context(context);
        }
    }
}
