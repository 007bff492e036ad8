//! The filter, its registration, and its instances on volumes.

use crate::{
    NtStatus, Sim, SimError, VolumeOptions,
    contexts::Place,
    kernel::Kernel,
    nt::{
        Block, flt_context_registration as cr, flt_operation_registration as or,
        flt_registration as fr, flt_related_objects as ro, get, put,
    },
};
use std::{collections::HashMap, sync::Arc};

pub(crate) struct Operation {
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
    flags: u32,
    pub operations: HashMap<u8, Operation>,
    pub contexts: Vec<ContextType>,
    pub unload: usize,
    instance_setup: usize,
    teardown_start: usize,
    teardown_complete: usize,
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
    pub attached: bool,
    pub data_scan: bool,
    pub instance_context: Option<usize>,
}

impl Volume {
    pub fn instance_address(&self) -> usize {
        self.instance.address()
    }
}

impl Sim {
    /// Mounts a volume under a drive letter.
    ///
    /// # Errors
    /// A filter that is to be attached to it failed.
    pub fn add_volume(&self, letter: char, options: VolumeOptions) -> Result<(), SimError> {
        let index = {
            let mut state = self.kernel.lock();
            state.volumes.push(Volume {
                letter: letter.to_ascii_uppercase(),
                options,
                block: Block::zeroed(64),
                instance: Block::zeroed(64),
                attached: false,
                data_scan: false,
                instance_context: None,
            });
            state.volumes.len() - 1
        };
        self.driver_code(|| self.kernel.attach(index))
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
        teardown_start: field(fr::TEARDOWN_START),
        teardown_complete: field(fr::TEARDOWN_COMPLETE),
        section_notification: field(fr::SECTION_NOTIFICATION),
    })
}

unsafe fn read_operations(mut at: usize) -> HashMap<u8, Operation> {
    let mut operations = HashMap::new();
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
        operations.insert(major, Operation { pre, post });
        at += or::SIZE;
    }
}

unsafe fn read_contexts(mut at: usize) -> Vec<ContextType> {
    let mut contexts = Vec::new();
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

    /// Offers a volume to the filter. DAX volumes are offered to filters that say they support
    /// them (FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME).
    pub fn attach(self: &Arc<Self>, index: usize) {
        let (setup, file_system) = {
            let state = self.lock();
            let Some(filter) = &state.filter else { return };
            let options = state.volumes[index].options;
            if options.dax && filter.flags & fr::SUPPORT_DAX_VOLUME == 0 {
                return;
            }
            // FLT_FSTYPE_NTFS or FLT_FSTYPE_FAT.
            (filter.instance_setup, if options.ntfs { 2 } else { 3 })
        };
        let related = self.related_objects(index, 0);
        const FILE_DEVICE_DISK_FILE_SYSTEM: usize = 8;
        self.lock().volumes[index].attached = true;
        // SAFETY: the callback's four arguments (nc-fltkernel-pflt_instance_setup_callback).
        let status = unsafe {
            ntsim_machine::call::call4(
                setup,
                related.address(),
                0,
                FILE_DEVICE_DISK_FILE_SYSTEM,
                file_system,
            )
        };
        if !NtStatus(status as i32).is_success() {
            self.lock().volumes[index].attached = false;
            let instance = self.lock().volumes[index].instance_address();
            self.detach_context(&Place::Instance(instance));
        }
    }

    /// FltUnregisterFilter: tears down every instance, then forgets the filter.
    pub fn unregister_filter(self: &Arc<Self>) {
        let volumes = self.lock().volumes.len();
        (0..volumes).for_each(|index| self.tear_down(index));
        self.lock().filter = None;
    }

    fn tear_down(self: &Arc<Self>, index: usize) {
        let (start, complete, instance) = {
            let state = self.lock();
            let volume = &state.volumes[index];
            let (true, Some(filter)) = (volume.attached, &state.filter) else {
                return;
            };
            (
                filter.teardown_start,
                filter.teardown_complete,
                volume.instance_address(),
            )
        };
        let related = self.related_objects(index, 0);
        for callback in [start, complete]
            .into_iter()
            .filter(|callback| *callback != 0)
        {
            // SAFETY: the callbacks' two arguments
            // (nc-fltkernel-pflt_instance_teardown_callback).
            unsafe { ntsim_machine::call::call2(callback, related.address(), 0) };
        }
        self.lock().volumes[index].attached = false;
        let streams: Vec<u64> = {
            let state = self.lock();
            let here = state.files.iter().filter(|(_, fcb)| fcb.volume == index);
            here.map(|(id, _)| *id).collect()
        };
        for stream in streams {
            self.detach_context(&Place::Stream(stream));
        }
        self.detach_context(&Place::Instance(instance));
    }
}
