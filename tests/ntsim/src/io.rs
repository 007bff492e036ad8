//! The I/O manager's devices: their names, links and security.

use crate::{
    NtStatus,
    kernel::Kernel,
    nt::{Block, device_object as d, get, put},
    objects::Target,
    security::{Acl, Security, WRITE_DAC, map_generic},
};
use std::sync::Arc;

pub(crate) struct Device {
    pub block: Arc<Block>,
    /// None if nobody can open it.
    pub name: Option<String>,
    pub security: Security,
}

/// What a driver says about a new device.
pub(crate) struct DeviceRequest {
    pub driver: usize,
    pub name: Option<String>,
    pub extension: u32,
    pub kind: u32,
    pub characteristics: u32,
    pub exclusive: bool,
}

impl Device {
    fn new(request: DeviceRequest) -> Self {
        let extension = request.extension as usize;
        let block = Block::zeroed(d::SIZE + extension);
        let at = block.address();
        let exclusive = if request.exclusive {
            d::DO_EXCLUSIVE
        } else {
            0
        };
        let extension = if extension == 0 { 0 } else { at + d::SIZE };
        // SAFETY: our own block of the structure's size, in all of these.
        unsafe { put(at, d::TYPE, d::IO_TYPE_DEVICE) };
        // SAFETY: as above.
        unsafe {
            put(
                at,
                d::STRUCTURE_SIZE,
                (d::SIZE as u32 + request.extension) as u16,
            )
        };
        // SAFETY: as above.
        unsafe { put(at, d::DRIVER_OBJECT, request.driver) };
        // SAFETY: as above.
        unsafe { put(at, d::FLAGS, d::DO_DEVICE_INITIALIZING | exclusive) };
        // SAFETY: as above.
        unsafe { put(at, d::CHARACTERISTICS, request.characteristics) };
        // SAFETY: as above.
        unsafe { put(at, d::DEVICE_EXTENSION, extension) };
        // SAFETY: as above.
        unsafe { put(at, d::DEVICE_TYPE, request.kind) };
        // SAFETY: as above.
        unsafe { put(at, d::STACK_SIZE, 1_i8) };
        Self {
            block: Arc::new(block),
            name: request.name,
            security: Security::default(),
        }
    }

    pub fn flags(&self) -> u32 {
        // SAFETY: the device object, whose Flags are the driver's to change.
        unsafe { get(self.block.address(), d::FLAGS) }
    }

    pub fn characteristics(&self) -> u32 {
        // SAFETY: as above.
        unsafe { get(self.block.address(), d::CHARACTERISTICS) }
    }

    fn is_named(&self, name: &str) -> bool {
        let own = self.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// `\??\X` and `\DosDevices\X` are the same link.
pub(crate) fn link_name(link: &str) -> String {
    let link = link.to_ascii_lowercase();
    let short = link.strip_prefix(r"\dosdevices\");
    short.map_or(link.clone(), |name| format!(r"\??\{name}"))
}

impl Kernel {
    /// nf-wdm-iocreatedevice
    pub fn create_device(&self, request: DeviceRequest) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        if let Some(name) = &request.name
            && state.devices.values().any(|device| device.is_named(name))
        {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        let device = Device::new(request);
        let address = device.block.address();
        state.devices.insert(address, device);
        Ok(address)
    }

    /// nf-wdm-iodeletedevice
    pub fn delete_device(&self, address: usize) {
        if self.lock().devices.remove(&address).is_none() {
            self.violation("device", "a device was deleted that does not exist");
        }
    }

    /// nf-wdm-iocreatesymboliclink
    pub fn create_link(&self, link: String, name: String) -> Result<(), NtStatus> {
        let links = &mut self.lock().links;
        let link = link_name(&link);
        if links.contains_key(&link) {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        links.insert(link, name);
        Ok(())
    }

    /// nf-wdm-iodeletesymboliclink
    pub fn delete_link(&self, link: &str) -> Result<(), NtStatus> {
        let found = self.lock().links.remove(&link_name(link));
        found.map(|_| ()).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)
    }

    /// DriverEntry has succeeded: the devices that it made can be opened (ns-wdm-_device_object).
    pub fn devices_are_initialized(&self) {
        let state = self.lock();
        for (address, device) in &state.devices {
            let flags = device.flags() & !d::DO_DEVICE_INITIALIZING;
            // SAFETY: a device object.
            unsafe { put(*address, d::FLAGS, flags) };
        }
    }

    /// nf-ntifs-obopenobjectbypointer of a device object in KernelMode, where every right is
    /// granted.
    pub fn open_device_object(
        &self,
        address: usize,
        access: u32,
        kernel: bool,
    ) -> Result<u64, NtStatus> {
        let mut state = self.lock();
        if !state.devices.contains_key(&address) {
            drop(state);
            let detail = format!("{address:#x} was opened and is no device object");
            self.violation("object", &detail);
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        }
        let target = Target::DeviceObject(address);
        Ok(state.insert_handle(target, map_generic(access), kernel))
    }

    /// nf-ntifs-zwsetsecurityobject with DACL_SECURITY_INFORMATION.
    pub fn set_device_dacl(&self, handle: u64, dacl: Acl) -> Result<(), NtStatus> {
        let mut state = self.lock();
        let entry = state.handle(handle)?;
        let Target::DeviceObject(address) = entry.target else {
            return Err(NtStatus::OBJECT_TYPE_MISMATCH);
        };
        if entry.access & WRITE_DAC == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let device = state.devices.get_mut(&address);
        let device = device.ok_or(NtStatus::INVALID_HANDLE)?;
        device.security.dacl = dacl;
        Ok(())
    }
}
