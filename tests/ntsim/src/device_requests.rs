//! The I/O manager's requests to devices: IRPs, and what keeps a file object until they have ended.

use crate::{
    Handle, NtStatus, Sim,
    device_open::{OpenDevice, needed_for_control},
    dispatch::{CLEANUP, CLOSE, CREATE},
    irps::{Completion, Sent},
    kernel::Kernel,
    nt::{driver_object, get},
    objects::Target,
    thread,
};
use std::sync::Arc;

const DEVICE_CONTROL: u8 = 0x0e;

impl Kernel {
    /// IRP_MJ_CREATE of a new file object.
    pub fn send_create(self: &Arc<Self>, file: usize) -> Result<(), NtStatus> {
        let device = self.device_of(file).ok_or(NtStatus::INVALID_HANDLE)?;
        let sent = Sent {
            major: CREATE,
            device,
            file,
            ..Sent::default()
        };
        self.send(&sent).status.check()
    }

    /// IRP_MJ_CLOSE: the last reference is gone.
    pub fn send_close(self: &Arc<Self>, device: &OpenDevice, file: usize) {
        self.send(&Sent {
            major: CLOSE,
            device: device.address(),
            file,
            ..Sent::default()
        });
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

    /// Sends an IRP to a device and waits for its end.
    fn send(self: &Arc<Self>, sent: &Sent<'_>) -> Completion {
        let Some(routine) = self.dispatch_routine(sent.major) else {
            return Completion::of(NtStatus::INVALID_DEVICE_REQUEST);
        };
        let (device, irp, level) = (sent.device, self.new_irp(sent), thread::PASSIVE_LEVEL);
        // SAFETY: a dispatch routine takes the device and the IRP (nc-wdm-driver_dispatch).
        let call = || unsafe { ntsim_machine::call::call2(routine, device, irp) };
        let returned = thread::as_program(|| self.driver_callback(level, call));
        self.irp_returned(irp, NtStatus(returned))
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
        // METHOD_BUFFERED: one system buffer for both, as long as the longer. No MDL is made for
        // METHOD_IN_DIRECT and METHOD_OUT_DIRECT.
        let buffered = match method {
            METHOD_BUFFERED => input.len().max(output.len()),
            METHOD_NEITHER => 0,
            _ => input.len(),
        };
        let user_buffers = match method {
            METHOD_NEITHER => [input.as_ptr() as usize, output.as_mut_ptr() as usize],
            _ => [0; 2],
        };
        let completion = self.kernel.send(&Sent {
            major: DEVICE_CONTROL,
            device,
            file,
            code,
            input,
            output: output.len(),
            user_buffers,
            buffered,
        });
        let (status, count) = (completion.status, completion.information);
        if status.is_error() || method != METHOD_BUFFERED {
            return (status, 0);
        }
        if count > output.len() {
            return (NtStatus::INVALID_PARAMETER, 0);
        }
        output[..count].copy_from_slice(&completion.output);
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
            self.kernel.send(&Sent {
                major: CLEANUP,
                device,
                file,
                ..Sent::default()
            });
        }
        self.kernel.release_own(file);
        Ok(())
    }
}
