//! The I/O manager's part for the control device: devices, links, IRPs.

use crate::{
    Handle, NtStatus, Sim,
    dispatch::{CLEANUP, CLOSE, CREATE},
    kernel::Kernel,
    nt::{Block, device_object, file_object, get, io_stack_location as sl, irp, put},
    objects::Target,
    thread,
};

pub(crate) struct Device {
    block: Block,
    name: String,
}

const DEVICE_CONTROL: u8 = 0x0e;
/// What an IRP's status is before the driver sets it.
const STATUS_UNSET: i32 = 0x7fff_0001;

impl Kernel {
    /// nf-wdm-iocreatedevice
    pub fn create_device(&self, driver: usize, name: String) -> Result<usize, NtStatus> {
        let mut state = self.lock();
        if state.devices.values().any(|device| device.name == name) {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        let block = Block::zeroed(device_object::SIZE);
        let address = block.address();
        // SAFETY: our own block of the structure's size.
        unsafe { put(address, device_object::DRIVER_OBJECT, driver) };
        // SAFETY: as above.
        unsafe {
            put(
                address,
                device_object::FLAGS,
                device_object::DO_DEVICE_INITIALIZING,
            )
        };
        state.devices.insert(address, Device { block, name });
        Ok(address)
    }

    /// nf-wdm-iodeletedevice
    pub fn delete_device(&self, address: usize) {
        let device = self.lock().devices.remove(&address);
        if device.is_none_or(|device| device.block.address() != address) {
            self.violation("device", "a device was deleted that does not exist");
        }
    }

    /// nf-wdm-iocompleterequest: marks the IRP, which its sender looks at.
    pub fn complete_request(&self, request: usize) {
        // SAFETY: an IRP that this simulation sent.
        let location: usize = unsafe { get(request, irp::CURRENT_STACK_LOCATION) };
        if location == 0 {
            self.violation("IRP", "completed twice");
        }
        // SAFETY: as above.
        let status: i32 = unsafe { get(request, irp::STATUS) };
        if status == STATUS_UNSET {
            self.violation("IRP", "completed without a status");
        }
        // SAFETY: as above.
        unsafe { put(request, irp::CURRENT_STACK_LOCATION, 0_usize) };
    }
}

impl Sim {
    /// CreateFile of a device, such as `\\.\DaxFlush`.
    ///
    /// # Errors
    /// STATUS_OBJECT_NAME_NOT_FOUND, or what the driver answered.
    pub fn open_device(&self, path: &str) -> Result<Handle, NtStatus> {
        let link = path.replacen(r"\\.\", r"\DosDevices\", 1);
        let (device, file) = {
            let mut state = self.kernel.lock();
            let name = state
                .links
                .get(&link)
                .cloned()
                .ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
            let device = state.devices.iter().find(|(_, device)| device.name == name);
            let device = *device.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?.0;
            (device, state.new_file_object(usize::MAX, None, 3))
        };
        // SAFETY: a file object of ours: what it is opened on.
        unsafe { put(file, file_object::FS_CONTEXT, device) };
        if let Err((status, _)) = self.send(CREATE, file, &Control::default()) {
            self.kernel.lock().file_objects.remove(&file);
            return Err(status);
        }
        Ok(Handle(self.kernel.lock().insert_handle(
            Target::Device(file),
            3,
            false,
        )))
    }

    /// DeviceIoControl; returns the bytes written to `output`.
    ///
    /// # Errors
    /// What the driver answered.
    pub fn device_io_control(
        &self,
        device: Handle,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, NtStatus> {
        let entry = self.kernel.lock().program_handle(device)?.clone();
        let Target::Device(file) = entry.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        // METHOD_BUFFERED: one system buffer for both, as long as the longer; what the driver has
        // not written is not the caller's to see, so the rest keeps a pattern.
        let length = input.len().max(output.len());
        let buffer = Block::zeroed(length.max(8));
        // SAFETY: our own block of that length.
        let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.address() as *mut u8, length) };
        bytes.fill(0xcd);
        bytes[..input.len()].copy_from_slice(input);
        let control = Control {
            code,
            input: input.len(),
            output: output.len(),
            buffer: if length == 0 { 0 } else { buffer.address() },
        };
        let count = self
            .send(DEVICE_CONTROL, file, &control)
            .map_err(|(status, _)| status)?;
        if count > output.len() {
            self.kernel
                .violation("IRP", "more bytes returned than the output has");
            return Err(NtStatus::INVALID_PARAMETER);
        }
        output[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    pub(crate) fn close_device(&self, file: usize) {
        let _ = self.send(CLEANUP, file, &Control::default());
        let _ = self.send(CLOSE, file, &Control::default());
        self.kernel.lock().file_objects.remove(&file);
    }

    /// Sends an IRP to the control device and waits for its end.
    fn send(&self, major: u8, file: usize, control: &Control) -> Result<usize, (NtStatus, usize)> {
        let routine = self
            .dispatch_routine(major)
            .ok_or((NtStatus::INVALID_DEVICE_REQUEST, 0))?;
        // SAFETY: a file object of ours.
        let device: usize = unsafe { get(file, file_object::FS_CONTEXT) };
        let (request, stack) = (Block::zeroed(irp::SIZE), Block::zeroed(sl::SIZE));
        let (at, s) = (request.address(), stack.address());
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, irp::SYSTEM_BUFFER, control.buffer) };
        // SAFETY: as above.
        unsafe { put(at, irp::STATUS, STATUS_UNSET) };
        // SAFETY: as above. UserMode.
        unsafe { put(at, irp::REQUESTOR_MODE, 1_u8) };
        // SAFETY: as above.
        unsafe { put(at, irp::CURRENT_STACK_LOCATION, s) };
        // SAFETY: as above.
        unsafe { put(s, sl::MAJOR_FUNCTION, major) };
        // SAFETY: as above.
        unsafe { put(s, sl::OUTPUT_BUFFER_LENGTH, control.output as u32) };
        // SAFETY: as above.
        unsafe { put(s, sl::INPUT_BUFFER_LENGTH, control.input as u32) };
        // SAFETY: as above.
        unsafe { put(s, sl::IO_CONTROL_CODE, control.code) };
        // SAFETY: as above.
        unsafe { put(s, sl::DEVICE_OBJECT, device) };
        // SAFETY: as above.
        unsafe { put(s, sl::FILE_OBJECT, file) };
        let level = thread::PASSIVE_LEVEL;
        // SAFETY: a dispatch routine takes the device and the IRP (nc-wdm-driver_dispatch).
        let call = || unsafe { ntsim_machine::call::call2(routine, device, at) };
        let returned = thread::as_program(|| self.kernel.driver_callback(level, call));
        // SAFETY: our own block, in all of these.
        let pending: usize = unsafe { get(at, irp::CURRENT_STACK_LOCATION) };
        // SAFETY: as above.
        let status: i32 = unsafe { get(at, irp::STATUS) };
        // SAFETY: as above.
        let information: usize = unsafe { get(at, irp::INFORMATION) };
        if pending != 0 || status != returned {
            self.kernel.violation(
                "IRP",
                "not completed, or returned another status than it has",
            );
        }
        let status = NtStatus(status);
        if status.is_success() {
            Ok(information)
        } else {
            Err((status, information))
        }
    }
}

#[derive(Default)]
struct Control {
    code: u32,
    input: usize,
    output: usize,
    buffer: usize,
}
