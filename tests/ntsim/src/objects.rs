//! Objects, their reference counts, and handles to them.

use crate::{
    NtStatus,
    device_open::OpenDevice,
    kernel::{Kernel, State},
    nt::{file_object, guarded, put},
    thread,
};
use ntsim_machine::guarded::{self, Guarded};
use std::sync::Arc;

/// A user-mode handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(pub(crate) u64);

impl Handle {
    /// The value that a program passes in an IOCTL's buffer.
    pub fn as_raw(self) -> u64 {
        self.0
    }
}

pub(crate) const FILE_READ_DATA: u32 = 1;
pub(crate) const FILE_WRITE_DATA: u32 = 2;

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    File(usize),
    /// A file object of a device: its address.
    Device(usize),
    /// A device object itself.
    DeviceObject(usize),
    Section(usize),
    /// A registry key: its path.
    Key(String),
}

#[derive(Clone)]
pub(crate) struct HandleEntry {
    pub target: Target,
    pub access: u32,
    pub kernel: bool,
    /// Whose handle table it is in: System's for kernel handles.
    pub process: u64,
}

impl HandleEntry {
    pub fn is_kernel(&self) -> bool {
        self.kernel
    }
}

/// What was done to an address that no object has, or no object has any more.
fn no_object(address: usize, done: &str) -> String {
    match guarded::meaning(address) {
        Some(was) => format!("{} was {done}", was.what),
        None => format!("{address:#x} was {done} and is no object"),
    }
}

pub(crate) struct FileObject {
    pub block: Guarded,
    pub references: u32,
    /// References that are the I/O manager's own: a handle, a section.
    pub own: u32,
    pub volume: usize,
    /// The stream; nothing for a volume open.
    pub file: Option<u64>,
    /// The name that it was opened by, as the id of a link.
    pub link: u64,
    /// Which mount of the volume it was opened on.
    pub mount: u32,
    /// What it is opened on, if that is a device and not a volume.
    pub device: Option<OpenDevice>,
}

impl FileObject {
    pub fn is_kept(&self) -> bool {
        self.references > self.own
    }
}

impl State {
    pub fn insert_handle(&mut self, target: Target, access: u32, kernel: bool) -> u64 {
        self.insert_handle_of(thread::current_process(), target, access, kernel)
    }

    /// A new handle in the table of a process, or of System if it is the kernel's.
    pub fn insert_handle_of(
        &mut self,
        process: u64,
        target: Target,
        access: u32,
        kernel: bool,
    ) -> u64 {
        self.next_handle += 4;
        // Kernel handles are told from user handles by their upper bits, as on Windows.
        let value = if kernel {
            self.next_handle | 0xffff_ffff_8000_0000
        } else {
            self.next_handle
        };
        self.handles.insert(
            value,
            HandleEntry {
                target,
                access,
                kernel,
                process: if kernel { thread::SYSTEM } else { process },
            },
        );
        value
    }

    /// What a handle means in the current process.
    pub fn handle(&self, handle: u64) -> Result<&HandleEntry, NtStatus> {
        let entry = self.handles.get(&handle);
        let here =
            |entry: &&HandleEntry| entry.kernel || entry.process == thread::current_process();
        entry.filter(here).ok_or(NtStatus::INVALID_HANDLE)
    }

    /// What a handle means to the program that runs. In the System process, where no program is,
    /// it is a test's hook or probe that asks, whoever's handle it has.
    pub fn program_handle(&self, handle: Handle) -> Result<&HandleEntry, NtStatus> {
        let here = thread::process();
        let entry = self.handles.get(&handle.0).filter(|entry| !entry.kernel);
        entry
            .filter(|entry| entry.process == here || here == thread::SYSTEM)
            .ok_or(NtStatus::INVALID_HANDLE)
    }

    pub fn new_file_object(&mut self, volume: usize, file: Option<u64>, access: u32) -> usize {
        let block = guarded(
            file_object::SIZE.next_multiple_of(16),
            "object",
            "a file object",
        );
        let address = block.address();
        // SAFETY: our own block of the structure's size, in all of these.
        unsafe { put(address, file_object::TYPE, 5_i16) };
        // SAFETY: as above.
        unsafe {
            put(
                address,
                file_object::STRUCTURE_SIZE,
                file_object::SIZE as i16,
            )
        };
        // SAFETY: as above.
        unsafe { put(address, file_object::FS_CONTEXT, file.unwrap_or(0)) };
        // SAFETY: as above.
        unsafe {
            put(
                address,
                file_object::READ_ACCESS,
                u8::from(access & FILE_READ_DATA != 0),
            )
        };
        // SAFETY: as above.
        unsafe {
            put(
                address,
                file_object::WRITE_ACCESS,
                u8::from(access & FILE_WRITE_DATA != 0),
            )
        };
        let object = FileObject {
            block,
            references: 1,
            own: 1,
            volume,
            file,
            link: 0,
            mount: self.volumes.get(volume).map_or(0, |volume| volume.mount),
            device: None,
        };
        self.file_objects.insert(address, object);
        address
    }
}

impl State {
    /// The driver gets a reference to a volume or an instance.
    pub fn add_flt_reference(&mut self, object: usize) {
        *self.flt_references.entry(object).or_default() += 1;
    }
}

impl Kernel {
    /// nf-fltkernel-fltobjectdereference
    pub fn drop_flt_reference(&self, object: usize) {
        let mut state = self.lock();
        let count = state.flt_references.get_mut(&object);
        if let Some(count) = count.filter(|count| **count > 0) {
            *count -= 1;
            return;
        }
        drop(state);
        let detail = "a volume or an instance was dereferenced more often than it was referenced";
        self.violation("object", detail);
    }

    /// ObfReferenceObject (nf-wdm-obreferenceobject).
    pub fn reference(&self, address: usize) {
        let mut state = self.lock();
        if let Some(file) = state.file_objects.get_mut(&address) {
            file.references += 1;
        } else if let Some(section) = state.sections.get_mut(&address) {
            section.references += 1;
        } else {
            drop(state);
            self.violation("object", &no_object(address, "referenced"));
        }
    }

    /// ObfDereferenceObject (nf-wdm-obdereferenceobject), by the driver.
    pub fn dereference(self: &Arc<Self>, address: usize) {
        let mut state = self.lock();
        if let Some(file) = state.file_objects.get_mut(&address) {
            if file.references <= file.own {
                drop(state);
                self.violation("object", "a file object was dereferenced once too often");
                return;
            }
            file.references -= 1;
            let last = file.references == 0;
            drop(state);
            if last {
                self.close_file_object(address);
            }
        } else if state.sections.contains_key(&address) {
            drop(state);
            self.dereference_section(address);
        } else {
            drop(state);
            self.violation("object", &no_object(address, "dereferenced"));
        }
    }

    /// Gives back a reference of the I/O manager's own.
    pub fn release_own(self: &Arc<Self>, address: usize) {
        let mut state = self.lock();
        let Some(file) = state.file_objects.get_mut(&address) else {
            return;
        };
        file.references -= 1;
        file.own -= 1;
        let last = file.references == 0;
        drop(state);
        if last {
            self.close_file_object(address);
        }
    }

    /// The object of a handle, checked as ObReferenceObjectByHandle does.
    #[cfg(test)]
    pub fn object_by_handle(
        &self,
        handle: u64,
        access: u32,
        user: bool,
    ) -> Result<usize, NtStatus> {
        self.lock().object_by_handle(self, handle, access, user)
    }

    /// ObReferenceObjectByHandle: nobody closes the handle between the look and the reference.
    pub fn reference_by_handle(
        &self,
        handle: u64,
        access: u32,
        user: bool,
    ) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        let address = state.object_by_handle(self, handle, access, user)?;
        if let Some(file) = state.file_objects.get_mut(&address) {
            file.references += 1;
        }
        Ok(address)
    }
}

impl State {
    fn object_by_handle(
        &self,
        kernel: &Kernel,
        handle: u64,
        access: u32,
        user: bool,
    ) -> Result<usize, NtStatus> {
        let entry = self.handle(handle)?;
        if user && entry.kernel {
            return Err(NtStatus::INVALID_HANDLE);
        }
        if !user && !entry.kernel {
            // Driver Verifier stops here: C4, subcode F6.
            kernel.violation("handle", "a program's handle was looked up in KernelMode");
        }
        let (Target::File(file) | Target::Device(file)) = entry.target else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        if user && entry.access & access != access {
            return Err(NtStatus::ACCESS_DENIED);
        }
        Ok(file)
    }
}

impl Kernel {
    /// ZwClose (nf-ntifs-ntclose) of a kernel handle.
    pub fn close_kernel_handle(self: &Arc<Self>, handle: u64) -> NtStatus {
        let entry = self.lock().handles.remove(&handle);
        let closable = entry.as_ref().is_some_and(|entry| {
            let opened = matches!(
                entry.target,
                Target::Section(_) | Target::Key(_) | Target::DeviceObject(_)
            );
            entry.kernel && opened
        });
        if !closable {
            self.violation(
                "handle",
                &format!("ZwClose of {handle:#x}, no handle of a driver"),
            );
            return NtStatus::INVALID_HANDLE;
        }
        self.drop_handle(entry);
        NtStatus::SUCCESS
    }

    /// What a section's or key's handle held is released.
    pub fn drop_handle(self: &Arc<Self>, entry: Option<HandleEntry>) {
        if let Some(Target::Section(section)) = entry.map(|entry| entry.target) {
            self.dereference_section(section);
        }
    }
}
