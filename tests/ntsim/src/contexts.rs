//! Filter Manager contexts: memory with a reference count (nf-fltkernel-fltallocatecontext).

use crate::{
    NtStatus, calls,
    kernel::{Kernel, State},
    nt::guarded,
    thread,
};
use ntsim_machine::{
    guarded::{self, Guarded},
    image::symbolize,
};
use std::sync::Arc;

pub(crate) const INSTANCE: u16 = 0x2;
pub(crate) const STREAM: u16 = 0x8;
pub(crate) const SECTION: u16 = 0x40;
/// FLT_VARIABLE_SIZED_CONTEXTS (ns-fltkernel-_flt_context_registration).
const VARIABLE_SIZED: usize = usize::MAX;

pub(crate) struct Context {
    block: Guarded,
    pub kind: u16,
    references: u32,
    /// Where the driver allocated it.
    allocated: Option<usize>,
}

/// FLT_XXX_CONTEXT, for people.
fn type_name(kind: u16) -> &'static str {
    match kind {
        0x1 => "a volume context",
        INSTANCE => "an instance context",
        0x4 => "a file context",
        STREAM => "a stream context",
        0x10 => "a stream handle context",
        0x20 => "a transaction context",
        SECTION => "a section context",
        _ => "a context of no known type",
    }
}

impl Context {
    /// One that the driver has not released.
    fn leak(&self) -> String {
        let (kind, count) = (type_name(self.kind), self.references);
        let at = self.allocated.and_then(symbolize).unwrap_or_default();
        format!("{kind} with {count} references, allocated at {at}")
    }
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

    /// Whether a place, which has a reference, has this context.
    fn is_attached(&self, address: usize) -> bool {
        let mut instances = self.volumes.iter().map(|volume| volume.instance_context);
        let mut streams = self.files.values().map(|fcb| fcb.stream_context);
        instances.any(|context| context == Some(address))
            || streams.any(|context| context == Some(address))
            || self.open_scans.contains(&address)
    }

    /// The contexts that are left when the driver goes, but for those of open sections.
    pub fn context_leaks(&self) -> Vec<String> {
        let contexts = self.contexts.iter();
        let own = contexts.filter(|(address, _)| !self.open_scans.contains(address));
        own.map(|(_, context)| context.leak()).collect()
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
        let registered = registered.map(|context| context.size);
        let fits = |known| known == size || known == VARIABLE_SIZED;
        if !registered.is_some_and(fits) {
            drop(state);
            let name = type_name(kind);
            let detail = match registered {
                Some(known) => {
                    format!("{name} of {size} bytes was asked for; {known} are registered")
                }
                None => format!("{name} was asked for, whose type {kind:#x} is not registered"),
            };
            self.violation("context", &detail);
            return Err(NtStatus::INVALID_PARAMETER);
        }
        // As pool is aligned.
        let block = guarded(size.next_multiple_of(16), "context", type_name(kind));
        let address = block.address();
        state.contexts.insert(
            address,
            Context {
                block,
                kind,
                references: 1,
                allocated: calls::caller(),
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
            let set = state.contexts.get(&new);
            let set = set.map_or("what is no context", |context| type_name(context.kind));
            drop(state);
            let detail = format!("{set} was set where {} belongs", type_name(kind));
            self.violation("context", &detail);
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
            let detail = match guarded::meaning(address) {
                Some(was) => format!("{} was released once more", was.what),
                None => format!("{address:#x} was released and is no context"),
            };
            self.violation("context", &detail);
            return;
        };
        context.references -= 1;
        if context.references != 0 {
            return;
        }
        let name = type_name(context.kind);
        if state.is_attached(address) {
            drop(state);
            let detail = format!("{name} was released more often than it was referenced");
            self.violation("context", &detail);
            // The place's reference is still to be given back.
            self.lock().add_reference(address);
            return;
        }
        let Some(context) = state.contexts.get(&address) else {
            return;
        };
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
        if let Some(context) = freed {
            context.block.take_away("after its last release");
        }
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
