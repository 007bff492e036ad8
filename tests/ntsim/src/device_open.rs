//! Opening devices: paths, access checks, and the file objects and handles that come of it.

use crate::{
    Handle, NtStatus, Sim,
    io::link_name,
    kernel::State,
    nt::{Block, Utf16, device_object as d, file_object, get, put},
    objects::{FILE_READ_DATA, FILE_WRITE_DATA, Target},
    security::map_generic,
    thread,
};
use std::sync::Arc;

/// What a file object is opened on. The device object's memory stays as long as this.
pub(crate) struct OpenDevice {
    block: Arc<Block>,
    /// What follows the device's name, in FileObject->FileName.
    name: Utf16,
}

impl OpenDevice {
    pub fn address(&self) -> usize {
        self.block.address()
    }
}

impl State {
    /// The device of a path, and what follows the device's name. `\\.\GLOBALROOT` leads to the
    /// names that drivers use, without a link.
    fn find_device(&self, path: &str) -> Option<(usize, String)> {
        let path = path.strip_prefix(r"\\.\").or(path.strip_prefix(r"\\?\"))?;
        let root = path
            .get(..10)
            .filter(|_| path.as_bytes().get(10) == Some(&b'\\'));
        let root = root.is_some_and(|root| root.eq_ignore_ascii_case("GLOBALROOT"));
        let (name, rest) = if root {
            (path[10..].to_owned(), "")
        } else {
            let (link, rest) = path.split_at(path.find('\\').unwrap_or(path.len()));
            let link = link_name(&format!(r"\??\{link}"));
            (self.links.get(&link)?.clone(), rest)
        };
        let whole = name.to_ascii_lowercase() + rest;
        let device = self.devices.iter().find_map(|(address, device)| {
            let own = device.name.as_ref()?.to_ascii_lowercase();
            let rest = whole.strip_prefix(&own)?;
            let here = rest.is_empty() || rest.starts_with('\\');
            here.then_some((*address, rest.len()))
        });
        let (address, length) = device?;
        let full = name + rest;
        Some((address, full[full.len() - length..].to_owned()))
    }

    fn is_device_open(&self, address: usize) -> bool {
        let mut open = self.file_objects.values();
        open.any(|file| {
            file.device
                .as_ref()
                .is_some_and(|it| it.address() == address)
        })
    }

    /// What the I/O manager looks at before the driver is asked, and a file object for it.
    fn new_device_file(&mut self, path: &str, access: u32) -> Result<usize, NtStatus> {
        let found = self.find_device(path);
        let (address, rest) = found.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        let device = &self.devices[&address];
        if device.flags() & d::DO_DEVICE_INITIALIZING != 0 {
            return Err(NtStatus::NO_SUCH_DEVICE);
        }
        // Security of what is inside of a device is the driver's own matter
        // (controlling-device-namespace-access).
        let secure = device.characteristics() & d::FILE_DEVICE_SECURE_OPEN != 0;
        if rest.is_empty() || secure {
            device.security.check(thread::user(), access)?;
        }
        if device.flags() & d::DO_EXCLUSIVE != 0 && self.is_device_open(address) {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let open = OpenDevice {
            block: device.block.clone(),
            name: Utf16::new(&rest),
        };
        let name = open.name.address();
        let file = self.new_file_object(usize::MAX, None, access);
        // SAFETY: a file object of ours.
        unsafe { put(file, file_object::DEVICE_OBJECT, address) };
        // SAFETY: a file object of ours; the string's own structure, which is 16 bytes.
        unsafe { put(file, file_object::FILE_NAME, get::<[u64; 2]>(name, 0)) };
        if let Some(object) = self.file_objects.get_mut(&file) {
            object.device = Some(open);
        }
        Ok(file)
    }
}

impl Sim {
    /// CreateFile of a device, such as `\\.\DaxFlush`, for reading and writing.
    ///
    /// # Errors
    /// As [`Sim::open_device_with`].
    pub fn open_device(&self, path: &str) -> Result<Handle, NtStatus> {
        const GENERIC_READ_AND_WRITE: u32 = 0xc000_0000;
        self.open_device_with(path, GENERIC_READ_AND_WRITE)
    }

    /// CreateFile of a device, or of a name inside of it (`\\.\DaxFlush\x`), by the thread's user
    /// and with these rights. As CreateFile does, SYNCHRONIZE and FILE_READ_ATTRIBUTES are asked
    /// for as well.
    ///
    /// # Errors
    /// STATUS_OBJECT_NAME_NOT_FOUND; STATUS_NO_SUCH_DEVICE while the device is being initialized;
    /// STATUS_ACCESS_DENIED if the user is not granted the rights, or the device is exclusive and
    /// open; or what the driver answered.
    pub fn open_device_with(&self, path: &str, access: u32) -> Result<Handle, NtStatus> {
        const SYNCHRONIZE: u32 = 0x10_0000;
        const FILE_READ_ATTRIBUTES: u32 = 0x80;
        let access = map_generic(access) | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
        let file = self.kernel.lock().new_device_file(path, access)?;
        if let Err(status) = self.kernel.send_create(file) {
            self.kernel.lock().file_objects.remove(&file);
            return Err(status);
        }
        let mut state = self.kernel.lock();
        let handle = state.insert_handle(Target::Device(file), access, false);
        Ok(Handle(handle))
    }

    /// DuplicateHandle of a device's handle into another process, with the same rights.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE: it is not the caller's handle of a device.
    pub fn duplicate_device_handle(
        &self,
        handle: Handle,
        process: u64,
    ) -> Result<Handle, NtStatus> {
        let mut state = self.kernel.lock();
        let entry = state.program_handle(handle)?.clone();
        let Target::Device(file) = entry.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        if let Some(file) = state.file_objects.get_mut(&file) {
            file.references += 1;
            file.own += 1;
        }
        let copy = state.insert_handle_of(process, entry.target, entry.access, false);
        Ok(Handle(copy))
    }
}

/// The right that a control code's access bits ask for (defining-i-o-control-codes):
/// FILE_READ_ACCESS is 1, FILE_WRITE_ACCESS is 2.
pub(crate) fn needed_for_control(code: u32) -> u32 {
    let mut needed = 0;
    if code & 1 << 14 != 0 {
        needed |= FILE_READ_DATA;
    }
    if code & 2 << 14 != 0 {
        needed |= FILE_WRITE_DATA;
    }
    needed
}
