//! The filter, its registration, and its instances on volumes.

use crate::{
    NtStatus, Sim, SimError, VolumeOptions,
    dispatch::SHUTDOWN,
    instance::{AUTOMATIC_ATTACHMENT, NEWLY_MOUNTED_VOLUME},
    kernel::Kernel,
    nt::{
        Block, flt_context_registration as cr, flt_operation_registration as or,
        flt_registration as fr, flt_related_objects as ro, get, put,
    },
};
use std::{collections::HashMap, thread::ThreadId};

#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub flags: u32,
    pub pre: usize,
    pub post: usize,
}

pub(crate) struct ContextType {
    pub kind: u16,
    pub size: usize,
    cleanup: usize,
}

/// What FltRegisterFilter copied.
pub(crate) struct Filter {
    pub block: Block,
    pub flags: u32,
    pub operations: HashMap<u8, Operation>,
    pub contexts: Vec<ContextType>,
    pub unload: usize,
    pub instance_setup: usize,
    pub query_teardown: usize,
    pub teardown_start: usize,
    pub teardown_complete: usize,
    pub section_notification: usize,
}

impl Filter {
    pub fn cleanup(&self, kind: u16) -> Option<usize> {
        let registered = self.contexts.iter().find(|context| context.kind == kind)?;
        (registered.cleanup != 0).then_some(registered.cleanup)
    }
}

pub(crate) struct Volume {
    pub letter: char,
    pub options: VolumeOptions,
    pub block: Block,
    instance: Block,
    /// Instances that were, whose addresses mean nothing else.
    gone: Vec<Block>,
    pub attached: bool,
    pub tearing_down: bool,
    pub data_scan: bool,
    pub instance_context: Option<usize>,
    /// How often it was dismounted: what was opened before is dead.
    pub mount: u32,
    pub dismounted: bool,
    /// IRP_MN_QUERY_REMOVE_DEVICE succeeded: nothing more can be opened.
    pub remove_pending: bool,
    /// The volume's file object that FSCTL_LOCK_VOLUME succeeded for: nothing can be opened.
    pub locked: Option<usize>,
    pub device: DeviceState,
}

/// The persistent memory below a volume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceState {
    Present,
    /// The filter is being told, in this thread, that it is gone.
    Leaving(ThreadId),
    Gone,
}

impl Volume {
    pub fn instance_address(&self) -> usize {
        self.instance.address()
    }

    /// Makes an instance that no pointer to an earlier one means.
    pub fn new_instance(&mut self) {
        let old = std::mem::replace(&mut self.instance, Block::zeroed(64));
        self.gone.push(old);
    }

    fn was_instance(&self, address: usize) -> bool {
        self.gone.iter().any(|block| block.address() == address)
    }
}

impl Sim {
    /// Mounts a volume under a drive letter, and offers it to the filter.
    ///
    /// # Errors
    /// None as yet: a filter may decline.
    pub fn add_volume(&self, letter: char, options: VolumeOptions) -> Result<(), SimError> {
        let index = {
            let mut state = self.kernel.lock();
            state.volumes.push(Volume {
                letter: letter.to_ascii_uppercase(),
                options,
                block: Block::zeroed(64),
                instance: Block::zeroed(64),
                gone: Vec::new(),
                attached: false,
                tearing_down: false,
                data_scan: false,
                instance_context: None,
                mount: 0,
                dismounted: false,
                remove_pending: false,
                locked: None,
                device: DeviceState::Present,
            });
            state.volumes.len() - 1
        };
        let flags = AUTOMATIC_ATTACHMENT | NEWLY_MOUNTED_VOLUME;
        // A filter that does not want the volume is not attached, which is no failure.
        let _ = self.kernel.attach(index, flags);
        Ok(())
    }

    /// Whether the filter has an instance on a volume.
    pub fn is_attached(&self, letter: char) -> bool {
        let state = self.kernel.lock();
        state
            .volumes
            .iter()
            .any(|volume| volume.letter == letter && volume.attached)
    }
}

/// Reads a registration (ns-fltkernel-_flt_registration).
///
/// # Safety
/// `address` is what the driver passed to FltRegisterFilter.
pub(crate) unsafe fn read_registration(address: usize) -> Result<Filter, NtStatus> {
    // SAFETY: the caller's promise, for each field here.
    let size: u16 = unsafe { get(address, 0) };
    // SAFETY: as above.
    let version: u16 = unsafe { get(address, fr::VERSION) };
    if size != fr::SIZE || version != 0x0203 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    // SAFETY: as above.
    let field = |offset| unsafe { get::<usize>(address, offset) };
    Ok(Filter {
        block: Block::zeroed(64),
        // SAFETY: as above.
        flags: unsafe { get(address, fr::FLAGS) },
        // SAFETY: as above; the array ends with IRP_MJ_OPERATION_END.
        operations: unsafe { read_operations(field(fr::OPERATIONS)) },
        // SAFETY: as above; the array ends with FLT_CONTEXT_END.
        contexts: unsafe { read_contexts(field(fr::CONTEXTS)) },
        unload: field(fr::UNLOAD),
        instance_setup: field(fr::INSTANCE_SETUP),
        query_teardown: field(fr::QUERY_TEARDOWN),
        teardown_start: field(fr::TEARDOWN_START),
        teardown_complete: field(fr::TEARDOWN_COMPLETE),
        section_notification: field(fr::SECTION_NOTIFICATION),
    })
}

unsafe fn read_operations(mut at: usize) -> HashMap<u8, Operation> {
    let mut operations = HashMap::new();
    if at == 0 {
        return operations;
    }
    loop {
        // SAFETY: an element of the registered array, up to its end mark.
        let major: u8 = unsafe { get(at, or::MAJOR_FUNCTION) };
        if major == or::END {
            return operations;
        }
        // SAFETY: as above.
        let pre = unsafe { get(at, or::PRE) };
        // SAFETY: as above.
        let post = unsafe { get(at, or::POST) };
        // SAFETY: as above.
        let flags = unsafe { get(at, or::FLAGS) };
        operations.insert(major, Operation { flags, pre, post });
        at += or::SIZE;
    }
}

unsafe fn read_contexts(mut at: usize) -> Vec<ContextType> {
    let mut contexts = Vec::new();
    if at == 0 {
        return contexts;
    }
    loop {
        // SAFETY: an element of the registered array, up to its end mark.
        let kind: u16 = unsafe { get(at, cr::TYPE) };
        if kind == cr::END {
            return contexts;
        }
        // SAFETY: as above.
        let size = unsafe { get(at, cr::CONTEXT_SIZE) };
        // SAFETY: as above.
        let cleanup = unsafe { get(at, cr::CLEANUP) };
        contexts.push(ContextType {
            kind,
            size,
            cleanup,
        });
        at += cr::SIZE;
    }
}

impl Kernel {
    /// What the reference says cannot be registered (ns-fltkernel-_flt_operation_registration).
    pub fn check_registration(&self, filter: &Filter) {
        let shutdown = filter.operations.get(&SHUTDOWN);
        if shutdown.is_some_and(|operation| operation.post != 0) {
            self.violation("registration", "a post-operation for IRP_MJ_SHUTDOWN");
        }
    }

    /// The volume of an instance.
    pub fn instance_index(&self, instance: usize) -> Result<usize, NtStatus> {
        let state = self.lock();
        let attached = |volume: &Volume| volume.attached && volume.instance_address() == instance;
        if let Some(index) = state.volumes.iter().position(attached) {
            return Ok(index);
        }
        if state
            .volumes
            .iter()
            .any(|volume| volume.was_instance(instance))
        {
            return Err(NtStatus::FLT_DELETING_OBJECT);
        }
        Err(NtStatus::INVALID_PARAMETER)
    }

    /// The volume of an instance that is not being torn down.
    pub fn live_instance(&self, instance: usize) -> Result<usize, NtStatus> {
        let index = self.instance_index(instance)?;
        if self.lock().volumes[index].tearing_down {
            return Err(NtStatus::FLT_DELETING_OBJECT);
        }
        Ok(index)
    }

    /// FLT_RELATED_OBJECTS for a volume and a file object.
    pub fn related_objects(&self, volume: usize, file: usize) -> Block {
        let state = self.lock();
        let block = Block::zeroed(ro::SIZE);
        let at = block.address();
        let filter = state
            .filter
            .as_ref()
            .map_or(0, |filter| filter.block.address());
        let volume = &state.volumes[volume];
        // SAFETY: our own block of the structure's size, in all of these.
        unsafe { put(at, ro::STRUCTURE_SIZE, ro::SIZE as u16) };
        // SAFETY: as above.
        unsafe { put(at, ro::FILTER, filter) };
        // SAFETY: as above.
        unsafe { put(at, ro::VOLUME, volume.block.address()) };
        // SAFETY: as above.
        unsafe { put(at, ro::INSTANCE, volume.instance_address()) };
        // SAFETY: as above.
        unsafe { put(at, ro::FILE_OBJECT, file) };
        block
    }
}
