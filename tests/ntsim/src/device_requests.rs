//! The I/O manager's requests to devices: IRPs, and what keeps a file object until they have ended.

use crate::{
    Handle, NtStatus, Sim,
    device_open::{OpenDevice, needed_for_control},
    dispatch::{CLEANUP, CLOSE, CREATE},
    kernel::Kernel,
    nt::{Block, driver_object, get, io_stack_location as sl, irp, put},
    objects::Target,
    thread,
};
use std::sync::Arc;

const DEVICE_CONTROL: u8 = 0x0e;
/// What an IRP's status is before the driver sets it.
const STATUS_UNSET: i32 = 0x7fff_0001;

/// Parameters of IRP_MJ_DEVICE_CONTROL; of another request, nothing.
#[derive(Default)]
struct Control {
    code: u32,
    input: usize,
    output: usize,
    system_buffer: usize,
    /// Of METHOD_NEITHER: the caller's own buffers.
    user_input: usize,
    user_output: usize,
}

impl Kernel {
    /// nf-wdm-iofcompleterequest: marks the IRP, which its sender looks at.
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

    /// IRP_MJ_CREATE of a new file object.
    pub fn send_create(self: &Arc<Self>, file: usize) -> Result<(), NtStatus> {
        let device = self.device_of(file).ok_or(NtStatus::INVALID_HANDLE)?;
        let sent = self.send(CREATE, device, file, &Control::default());
        sent.0.check()
    }

    /// IRP_MJ_CLOSE: the last reference is gone.
    pub fn send_close(self: &Arc<Self>, device: &OpenDevice, file: usize) {
        self.send(CLOSE, device.address(), file, &Control::default());
    }

    fn device_of(&self, file: usize) -> Option<usize> {
        let state = self.lock();
        let device = state.file_objects.get(&file)?.device.as_ref();
        device.map(OpenDevice::address)
    }

    /// The dispatch routine of a major function.
    fn dispatch_routine(&self, major: u8) -> Option<usize> {
        let object = self.lock().driver_object?;
        let at = driver_object::MAJOR_FUNCTION + 8 * usize::from(major);
        // SAFETY: the driver object's table of routines.
        let routine: usize = unsafe { get(object, at) };
        (routine != 0).then_some(routine)
    }

    /// Sends an IRP to a device and waits for its end: IoStatus.
    fn send(
        self: &Arc<Self>,
        major: u8,
        device: usize,
        file: usize,
        control: &Control,
    ) -> (NtStatus, usize) {
        let Some(routine) = self.dispatch_routine(major) else {
            return (NtStatus::INVALID_DEVICE_REQUEST, 0);
        };
        let (request, stack) = (Block::zeroed(irp::SIZE), Block::zeroed(sl::SIZE));
        let (at, s) = (request.address(), stack.address());
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, irp::SYSTEM_BUFFER, control.system_buffer) };
        // SAFETY: as above.
        unsafe { put(at, irp::USER_BUFFER, control.user_output) };
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
        unsafe { put(s, sl::TYPE_3_INPUT_BUFFER, control.user_input) };
        // SAFETY: as above.
        unsafe { put(s, sl::DEVICE_OBJECT, device) };
        // SAFETY: as above.
        unsafe { put(s, sl::FILE_OBJECT, file) };
        let level = thread::PASSIVE_LEVEL;
        // SAFETY: a dispatch routine takes the device and the IRP (nc-wdm-driver_dispatch).
        let call = || unsafe { ntsim_machine::call::call2(routine, device, at) };
        let returned = thread::as_program(|| self.driver_callback(level, call));
        // SAFETY: our own block, in all of these.
        let pending: usize = unsafe { get(at, irp::CURRENT_STACK_LOCATION) };
        // SAFETY: as above.
        let status: i32 = unsafe { get(at, irp::STATUS) };
        // SAFETY: as above.
        let information: usize = unsafe { get(at, irp::INFORMATION) };
        if pending != 0 || status != returned {
            let detail = "not completed, or returned another status than it has";
            self.violation("IRP", detail);
        }
        (NtStatus(status), information)
    }
}

impl Sim {
    /// DeviceIoControl; returns the bytes written to `output`.
    ///
    /// # Errors
    /// What the driver answered. After a warning, such as STATUS_BUFFER_OVERFLOW, `output` has been
    /// written to all the same.
    pub fn device_io_control(
        &self,
        device: Handle,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, NtStatus> {
        let (status, count) = self.device_io_control_raw(device, code, input, output);
        status.check().map(|()| count)
    }

    /// DeviceIoControl: the status, and the bytes written to `output`, which are none after an
    /// error and may be some after a warning.
    pub fn device_io_control_raw(
        &self,
        device: Handle,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> (NtStatus, usize) {
        let file = match self.begin_control(device, code) {
            Ok(file) => file,
            Err(status) => return (status, 0),
        };
        let result = self.control_device(file, code, input, output);
        // What was closed meanwhile is closed for good now.
        self.kernel.release_own(file.1);
        result
    }

    /// The device and file object of a handle that allows a control code, referenced.
    fn begin_control(&self, handle: Handle, code: u32) -> Result<(usize, usize), NtStatus> {
        let mut state = self.kernel.lock();
        let entry = state.program_handle(handle)?;
        let Target::Device(file) = entry.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        let needed = needed_for_control(code);
        if entry.access & needed != needed {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let object = state.file_objects.get_mut(&file);
        let object = object.ok_or(NtStatus::INVALID_HANDLE)?;
        object.references += 1;
        object.own += 1;
        let device = object.device.as_ref().map(OpenDevice::address);
        Ok((device.ok_or(NtStatus::INVALID_HANDLE)?, file))
    }

    fn control_device(
        &self,
        (device, file): (usize, usize),
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> (NtStatus, usize) {
        const METHOD_BUFFERED: u32 = 0;
        const METHOD_NEITHER: u32 = 3;
        let method = code & 3;
        // METHOD_BUFFERED: one system buffer for both, as long as the longer; what the driver has
        // not written is not the caller's to see, so the rest keeps a pattern. No MDL is made for
        // METHOD_IN_DIRECT and METHOD_OUT_DIRECT.
        let length = match method {
            METHOD_BUFFERED => input.len().max(output.len()),
            METHOD_NEITHER => 0,
            _ => input.len(),
        };
        let buffer = Block::zeroed(length.max(8));
        // SAFETY: our own block of that length.
        let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.address() as *mut u8, length) };
        bytes.fill(0xcd);
        if length != 0 {
            bytes[..input.len()].copy_from_slice(input);
        }
        let mut control = Control {
            code,
            input: input.len(),
            output: output.len(),
            system_buffer: if length == 0 { 0 } else { buffer.address() },
            ..Control::default()
        };
        if method == METHOD_NEITHER {
            control.user_input = input.as_ptr() as usize;
            control.user_output = output.as_mut_ptr() as usize;
        }
        let (status, count) = self.kernel.send(DEVICE_CONTROL, device, file, &control);
        if status.is_error() || method != METHOD_BUFFERED {
            return (status, 0);
        }
        if count > output.len() {
            let detail = "more bytes returned than the output has";
            self.kernel.violation("IRP", detail);
            return (NtStatus::INVALID_PARAMETER, 0);
        }
        output[..count].copy_from_slice(&bytes[..count]);
        (status, count)
    }

    /// CloseHandle: the last handle of a file object sends IRP_MJ_CLEANUP at once; IRP_MJ_CLOSE
    /// follows when no request is under way and no reference is left.
    pub(crate) fn close_device_handle(&self, handle: Handle, file: usize) -> Result<(), NtStatus> {
        let (device, last) = {
            let mut state = self.kernel.lock();
            let gone = state.handles.remove(&handle.0);
            // Another thread has closed it meanwhile.
            gone.ok_or(NtStatus::INVALID_HANDLE)?;
            let of_file = Target::Device(file);
            let last = !state.handles.values().any(|entry| entry.target == of_file);
            let object = state.file_objects.get(&file);
            let device = object.and_then(|object| object.device.as_ref());
            (device.map(OpenDevice::address), last)
        };
        if let Some(device) = device.filter(|_| last) {
            let nothing = Control::default();
            self.kernel.send(CLEANUP, device, file, &nothing);
        }
        self.kernel.release_own(file);
        Ok(())
    }
}
