//! The control device: a named device object and its METHOD_BUFFERED requests.

use super::{name::Name, security, shared::Shared, status::NtStatus};
use core::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};
use daxflush_protocol::{ReplyHeader, reply_bytes};
use wdk_sys::{
    CCHAR, DEVICE_OBJECT, DRIVER_OBJECT, IO_STACK_LOCATION, IRP, IRP_MJ_CLEANUP, IRP_MJ_CLOSE,
    IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL, KPROCESSOR_MODE, NTSTATUS, PDEVICE_OBJECT, PIRP,
    ntddk::{IoCreateDevice, IoCreateSymbolicLink, IoDeleteDevice, IoDeleteSymbolicLink},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

unsafe extern "system" {
    fn IofCompleteRequest(irp: PIRP, priority_boost: CCHAR);
}

const FILE_DEVICE_UNKNOWN: u32 = 0x22;
const FILE_DEVICE_SECURE_OPEN: u32 = 0x100;
const DO_DEVICE_INITIALIZING: u32 = 0x80;
const IO_NO_INCREMENT: CCHAR = 0;

/// The driver's answer to control requests. IRQL PASSIVE_LEVEL, in the caller's context.
pub trait Control: 'static {
    /// What belongs to one handle of the device.
    type Client: Send + Sync;

    /// A handle is being opened.
    fn open() -> Result<Shared<Self::Client>, NtStatus>;
    /// The handle's last use has ended; requests may still be under way, so it is called again when
    /// they have ended too.
    fn close(client: &Self::Client);
    /// Handles one request: reads the input, then writes the answer over it in the same buffer.
    fn control(client: &Self::Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus>;
}

/// One METHOD_BUFFERED request.
pub struct ControlRequest<'a> {
    pub code: u32,
    /// The access mode of the caller's handles.
    pub mode: KPROCESSOR_MODE,
    /// The system buffer, as long as the longer of input and output.
    buffer: &'a mut [u8],
    input: usize,
    output: usize,
    /// Bytes of the answer.
    written: usize,
}

impl ControlRequest<'_> {
    pub fn input(&self) -> &[u8] {
        self.buffer.get(..self.input).unwrap_or_default()
    }

    /// The input as a structure of exactly its length.
    pub fn read<T: FromBytes>(&self) -> Result<T, NtStatus> {
        T::read_from_bytes(self.input()).map_err(|_| NtStatus::INVALID_PARAMETER)
    }

    /// Refuses a request with an input where there is none.
    pub fn has_no_input(&self) -> Result<(), NtStatus> {
        if self.input == 0 {
            Ok(())
        } else {
            Err(NtStatus::INVALID_PARAMETER)
        }
    }

    /// Refuses a request whose answer would not fit, before anything is done for it. The header alone,
    /// if there is room for it, then says how much is needed.
    pub fn check_space<T>(&mut self) -> Result<(), NtStatus> {
        self.check_room(reply_bytes::<T>())
    }

    pub fn check_room(&mut self, needed: usize) -> Result<(), NtStatus> {
        if self.output >= needed {
            return Ok(());
        }
        let size = u32::try_from(needed).unwrap_or(u32::MAX);
        self.put(0, ReplyHeader { size, count: 0 }.as_bytes())
            .map_err(|_| NtStatus::BUFFER_TOO_SMALL)?;
        Err(NtStatus::BUFFER_OVERFLOW)
    }

    /// Writes a whole answer, or the header alone as [`Self::check_space`] does.
    pub fn answer<T: IntoBytes + Immutable>(&mut self, body: &T) -> Result<(), NtStatus> {
        self.check_space::<T>()?;
        let size = u32::try_from(reply_bytes::<T>()).unwrap_or(u32::MAX);
        self.put(0, ReplyHeader { size, count: 0 }.as_bytes())?;
        self.put(size_of::<ReplyHeader>(), body.as_bytes())
    }

    /// Bytes that an answer can have.
    pub fn room(&self) -> usize {
        self.output
    }

    /// Writes a part of the answer. What is between parts is set to 0, so that nothing of the input
    /// comes back.
    pub fn put(&mut self, at: usize, bytes: &[u8]) -> Result<(), NtStatus> {
        let space = self.buffer.get_mut(..self.output).unwrap_or_default();
        let end = at
            .checked_add(bytes.len())
            .ok_or(NtStatus::BUFFER_TOO_SMALL)?;
        space
            .get_mut(at..end)
            .ok_or(NtStatus::BUFFER_TOO_SMALL)?
            .copy_from_slice(bytes);
        if let Some(gap) = space.get_mut(self.written..at) {
            gap.fill(0);
        }
        self.written = self.written.max(end);
        Ok(())
    }
}

static DEVICE: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());
static OPEN_HANDLES: AtomicUsize = AtomicUsize::new(0);

/// Handles of the control device that may be open at once.
pub const MAX_HANDLES: usize = 4096;

/// Handles of the control device that are open.
pub fn open_handles() -> usize {
    OPEN_HANDLES.load(Ordering::SeqCst)
}

/// Creates the device and its link, and takes the driver's control requests.
///
/// Nobody can open the device before it has its security descriptor: until DO_DEVICE_INITIALIZING is
/// cleared every open fails. IRQL PASSIVE_LEVEL, in DriverEntry (nf-wdm-iocreatedevice).
pub(in crate::nt) fn create<C: Control, const N: usize, const L: usize>(
    driver: &mut DRIVER_OBJECT,
    name: &Name<N>,
    link: &Name<L>,
) -> Result<(), NtStatus> {
    for (major, routine) in [
        (IRP_MJ_CREATE, open::<C> as unsafe extern "C" fn(_, _) -> _),
        (IRP_MJ_CLEANUP, cleanup::<C>),
        (IRP_MJ_CLOSE, close::<C>),
        (IRP_MJ_DEVICE_CONTROL, control::<C>),
    ] {
        if let Some(entry) = driver.MajorFunction.get_mut(major as usize) {
            *entry = Some(routine);
        }
    }
    let mut device: PDEVICE_OBJECT = ptr::null_mut();
    let mut name = name.as_unicode();
    // SAFETY: our driver object; the name is copied.
    let status = unsafe {
        IoCreateDevice(
            driver,
            0,
            &raw mut name,
            FILE_DEVICE_UNKNOWN,
            FILE_DEVICE_SECURE_OPEN,
            0,
            &raw mut device,
        )
    };
    NtStatus::check(status)?;
    DEVICE.store(device, Ordering::Release);
    // SAFETY: the device just created.
    if let Err(status) = unsafe { security::protect(device) } {
        delete_device();
        return Err(status);
    }
    let mut link = link.as_unicode();
    // SAFETY: both strings are copied.
    let status = unsafe { IoCreateSymbolicLink(&raw mut link, &raw mut name) };
    if let Err(status) = NtStatus::check(status) {
        delete_device();
        return Err(status);
    }
    // SAFETY: the device just created. Cleared by hand for devices made outside AddDevice's and
    // DriverEntry's own protocol; harmless within it.
    unsafe { (*device).Flags &= !DO_DEVICE_INITIALIZING };
    Ok(())
}

/// Removes the link and the device; does nothing if they are not there. IRQL PASSIVE_LEVEL.
pub(in crate::nt) fn delete<const L: usize>(link: &Name<L>) {
    if DEVICE.load(Ordering::Acquire).is_null() {
        return;
    }
    let mut link = link.as_unicode();
    // SAFETY: a string of ours.
    let _ = unsafe { IoDeleteSymbolicLink(&raw mut link) };
    delete_device();
}

fn delete_device() {
    let device = DEVICE.swap(ptr::null_mut(), Ordering::AcqRel);
    if !device.is_null() {
        // SAFETY: created by us, and deleted once.
        unsafe { IoDeleteDevice(device) };
    }
}

unsafe extern "C" fn open<C: Control>(_: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the request just given to us.
    let place = unsafe { client_place(irp) };
    let opened = place
        .ok_or(NtStatus::INVALID_DEVICE_REQUEST)
        .and_then(|place| {
            if OPEN_HANDLES.fetch_add(1, Ordering::SeqCst) >= MAX_HANDLES {
                return Err(NtStatus::QUOTA_EXCEEDED);
            }
            place.store(C::open()?.into_raw(), Ordering::Release);
            Ok(())
        });
    if opened.is_err() {
        OPEN_HANDLES.fetch_sub(1, Ordering::SeqCst);
    }
    // SAFETY: the request just given to us.
    unsafe { complete(irp, opened, 0) }
}

unsafe extern "C" fn cleanup<C: Control>(_: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the request just given to us, on a file object that `open` has seen.
    if let Some(client) = unsafe { client::<C>(irp) } {
        C::close(&client);
    }
    // SAFETY: the request just given to us.
    unsafe { complete(irp, Ok(()), 0) }
}

unsafe extern "C" fn close<C: Control>(_: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the request just given to us.
    let place = unsafe { client_place(irp) };
    let raw = place.map_or(ptr::null_mut(), |place| {
        place.swap(ptr::null_mut(), Ordering::AcqRel)
    });
    // SAFETY: put there by `open`; a close is the file object's last request, so it is taken once.
    if let Some(client) = unsafe { Shared::<C::Client>::from_raw(raw) } {
        // Once more: a request that was under way at the cleanup may have left something.
        C::close(&client);
    }
    OPEN_HANDLES.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: the request just given to us.
    unsafe { complete(irp, Ok(()), 0) }
}

unsafe extern "C" fn control<C: Control>(_: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the request just given to us, on a file object that `open` has seen.
    let client = unsafe { client::<C>(irp) };
    // SAFETY: the request just given to us, not completed before `complete`.
    let parsed = unsafe { parse(&mut *irp) };
    let (result, written) = match (client, parsed) {
        (Some(client), Some(mut request)) => (C::control(&client, &mut request), request.written),
        _ => (Err(NtStatus::INVALID_DEVICE_REQUEST), 0),
    };
    // SAFETY: the request just given to us; the parsed borrow has ended.
    unsafe { complete(irp, result, written) }
}

/// The place of a file object of the device that is ours to use: FsContext2
/// (ns-wdm-_file_object).
///
/// # Safety
/// `irp` was given to a dispatch routine, which has not completed it and does so after `'a`.
unsafe fn client_place<'a>(irp: PIRP) -> Option<&'a AtomicPtr<c_void>> {
    // SAFETY: the caller's promise.
    let stack = unsafe { stack_location(&*irp) }?;
    let file = stack.FileObject;
    // SAFETY: referenced by the request; the member is a pointer that only this device uses.
    (!file.is_null()).then(|| unsafe { AtomicPtr::from_ptr(&raw mut (*file).FsContext2) })
}

/// # Safety
/// As for [`client_place`], and the file object was opened by `open` for the same `C`.
unsafe fn client<C: Control>(irp: PIRP) -> Option<Shared<C::Client>> {
    // SAFETY: the caller's promise.
    let raw = unsafe { client_place(irp) }?.load(Ordering::Acquire);
    // SAFETY: put there by `open`, and taken back by the file object's last request only.
    unsafe { Shared::clone_raw(raw) }
}

/// # Safety
/// `irp` was given to a dispatch routine, which has not completed it.
unsafe fn stack_location(irp: &IRP) -> Option<&IO_STACK_LOCATION> {
    // SAFETY: the current stack location of a request in its dispatch routine.
    unsafe {
        irp.Tail
            .Overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
            .as_ref()
    }
}

/// # Safety
/// `irp` is an IRP_MJ_DEVICE_CONTROL that the I/O manager passed to the dispatch routine.
unsafe fn parse(irp: &mut IRP) -> Option<ControlRequest<'_>> {
    // SAFETY: the caller's promise.
    let stack = unsafe { stack_location(irp) }?;
    // SAFETY: the parameters of this major function.
    let parameters = unsafe { &stack.Parameters.DeviceIoControl };
    const METHOD_MASK: u32 = 3;
    if parameters.IoControlCode & METHOD_MASK != 0 {
        return None;
    }
    let input = usize::try_from(parameters.InputBufferLength).ok()?;
    let output = usize::try_from(parameters.OutputBufferLength).ok()?;
    // SAFETY: the member in use for METHOD_BUFFERED.
    let buffer = unsafe { irp.AssociatedIrp.SystemBuffer }.cast::<u8>();
    let length = if buffer.is_null() {
        0
    } else {
        input.max(output)
    };
    let buffer = if length == 0 {
        ptr::NonNull::dangling().as_ptr()
    } else {
        buffer
    };
    // SAFETY: the I/O manager's buffer of that length, ours until the request is completed.
    let buffer = unsafe { core::slice::from_raw_parts_mut(buffer, length) };
    let mode = irp.RequestorMode;
    Some(ControlRequest {
        code: parameters.IoControlCode,
        mode,
        buffer,
        input,
        output,
        written: 0,
    })
}

/// Ends a request. What was written of an answer goes to the caller unless the status is an error; of
/// STATUS_BUFFER_OVERFLOW, a warning, it does.
///
/// # Safety
/// `irp` was given to a dispatch routine, which has not completed it and forgets it hereafter.
unsafe fn complete(irp: PIRP, result: Result<(), NtStatus>, written: usize) -> NTSTATUS {
    let status = result.err().unwrap_or(NtStatus::SUCCESS);
    // SAFETY: the request is still ours.
    let io_status = unsafe { &mut (*irp).IoStatus };
    io_status.__bindgen_anon_1.Status = status.raw();
    io_status.Information = if status.is_error() { 0 } else { written as u64 };
    // SAFETY: completed once, with its status set.
    unsafe { IofCompleteRequest(irp, IO_NO_INCREMENT) };
    status.raw()
}
