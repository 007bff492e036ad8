//! Routines of ntoskrnl.exe.

use super::{code, imports};
use crate::{
    NtStatus,
    io::DeviceRequest,
    nt::{get, object_attributes, put},
    registry::Value,
    thread,
};

/// Reads a UNICODE_STRING (ns-ntdef-_unicode_string).
///
/// # Safety
/// `address` is one that the driver passed.
pub(super) unsafe fn unicode_string(address: usize) -> String {
    // SAFETY: the caller's promise.
    let bytes: u16 = unsafe { get(address, 0) };
    // SAFETY: as above.
    let buffer: usize = unsafe { get(address, 8) };
    // SAFETY: as above: the buffer has that many bytes.
    let units: Vec<u16> = (0..usize::from(bytes) / 2)
        .map(|at| unsafe { get(buffer, 2 * at) })
        .collect();
    String::from_utf16_lossy(&units)
}

imports! {
    /// nf-wdm-exallocatepoolwithtag
    ExAllocatePoolWithTag(pool: u32, size: usize, tag: u32) -> usize, DISPATCH_LEVEL, |kernel| {
        if kernel.fails("ExAllocatePoolWithTag") { 0 } else { kernel.allocate_pool(pool, size, tag) }
    }
    /// nf-ntddk-exfreepool
    ExFreePool(block: usize) -> (), DISPATCH_LEVEL, |kernel| { kernel.free_pool(block, None); }
    /// nf-wdm-exfreepoolwithtag
    ExFreePoolWithTag(block: usize, tag: u32) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.free_pool(block, Some(tag));
    }
    /// nf-wdm-iocreatedevice
    IoCreateDevice(
        driver: usize, extension: u32, name: usize, kind: u32, characteristics: u32,
        exclusive: u8, device: *mut usize
    ) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("IoCreateDevice") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let request = DeviceRequest {
            driver,
            // SAFETY: the driver's string, which may be absent.
            name: (name != 0).then(|| unsafe { unicode_string(name) }),
            extension,
            kind,
            characteristics,
            exclusive: exclusive != 0,
        };
        code(kernel.create_device(request).map(|address| {
            // SAFETY: the driver's out parameter.
            unsafe { device.write(address) };
        }))
    }
    /// nf-wdm-iodeletedevice
    IoDeleteDevice(device: usize) -> (), APC_LEVEL, |kernel| { kernel.delete_device(device); }
    /// nf-wdm-iocreatesymboliclink
    IoCreateSymbolicLink(link: usize, name: usize) -> i32, PASSIVE_LEVEL, |kernel| {
        if kernel.fails("IoCreateSymbolicLink") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        // SAFETY: the driver's strings.
        let link = unsafe { unicode_string(link) };
        // SAFETY: as above.
        let name = unsafe { unicode_string(name) };
        code(kernel.create_link(link, name))
    }
    /// nf-wdm-iodeletesymboliclink
    IoDeleteSymbolicLink(link: usize) -> i32, PASSIVE_LEVEL, |kernel| {
        // SAFETY: the driver's string.
        let link = unsafe { unicode_string(link) };
        code(kernel.delete_link(&link))
    }
    /// nf-ntifs-iogettoplevelirp
    IoGetTopLevelIrp() -> usize, DISPATCH_LEVEL, |_kernel| { thread::top_level_irp() }
    /// nf-ntddk-psgetcurrentprocessid: the thread's own process, wherever it is attached.
    PsGetCurrentProcessId() -> u64, HIGH_LEVEL, |_kernel| { thread::process() }
    /// nf-ntddk-iois32bitprocess: without an IRP, the current process.
    IoIs32bitProcess(irp: usize) -> u8, DISPATCH_LEVEL, |kernel| {
        if irp != 0 {
            kernel.violation("process", "only the current process is simulated here");
        }
        u8::from(thread::is_32_bit())
    }
    /// nf-wdm-kequeryinterrupttime: in units of 100 ns.
    KeQueryInterruptTime() -> u64, HIGH_LEVEL, |kernel| { kernel.interrupt_time() }
    /// nf-wdm-kequeryinterrupttimeprecise: also the performance counter, which is not the time.
    KeQueryInterruptTimePrecise(counter: *mut u64) -> u64, HIGH_LEVEL, |kernel| {
        let now = kernel.interrupt_time();
        if counter.is_null() {
            kernel.violation("time", "the performance counter was not asked for");
        } else {
            // SAFETY: the driver's out parameter.
            unsafe { counter.write(kernel.performance_counter()) };
        }
        now
    }
    /// nf-wdm-iofcompleterequest
    IofCompleteRequest(request: usize, _boost: i8) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.complete_request(request);
    }
    /// nf-wdm-kebugcheckex
    KeBugCheckEx(code: u32, one: usize, two: usize, three: usize, four: usize) -> (),
        DISPATCH_LEVEL, |_kernel| {
        ntsim_machine::fault::bugcheck(
            &format!("KeBugCheckEx({code:#x}, {one:#x}, {two:#x}, {three:#x}, {four:#x})"),
        )
    }
    /// nf-wdm-keareallapcsdisabled: also TRUE from APC_LEVEL on.
    KeAreAllApcsDisabled() -> u8, DISPATCH_LEVEL, |_kernel| {
        u8::from(thread::irql() >= thread::APC_LEVEL)
    }
    /// nf-wdm-kedelayexecutionthread: a negative interval is relative, in units of 100 ns.
    KeDelayExecutionThread(_mode: i8, _alertable: u8, interval: *const i64) -> i32,
        APC_LEVEL, |_kernel| {
        // SAFETY: the driver's in parameter.
        let units = unsafe { interval.read() }.min(0).unsigned_abs();
        if !crate::schedule::delay() {
            std::thread::sleep(std::time::Duration::from_nanos(100 * units));
        }
        0
    }
    /// nf-ntifs-kestackattachprocess
    KeStackAttachProcess(process: usize, state: usize) -> (), APC_LEVEL, |kernel| {
        if process != kernel.system_process.address() {
            kernel.violation("process", "attached to something that is not the System process");
        }
        // SAFETY: the driver's KAPC_STATE, of 48 bytes; it must come back at the detach.
        unsafe { put(state, 0x20, process) };
        thread::set_attached(thread::attached() + 1);
    }
    /// nf-ntifs-keunstackdetachprocess
    KeUnstackDetachProcess(state: usize) -> (), APC_LEVEL, |kernel| {
        // SAFETY: the driver's KAPC_STATE.
        let process: usize = unsafe { get(state, 0x20) };
        if process != kernel.system_process.address() || thread::attached() == 0 {
            kernel.violation("process", "detached without being attached");
        } else {
            thread::set_attached(thread::attached() - 1);
        }
    }
    /// nf-wdm-obreferenceobjectbyhandle
    ObReferenceObjectByHandle(
        handle: u64, access: u32, kind: usize, mode: u8, object: *mut usize, information: usize
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        let _ = information;
        if kind != kernel.file_type.address() {
            kernel.violation("object", "a handle was looked up without its type");
        }
        if kernel.fails("ObReferenceObjectByHandle") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.reference_by_handle(handle, access, mode == 1).map(|address| {
            // SAFETY: the driver's out parameter.
            unsafe { object.write(address) };
        }))
    }
    /// nf-wdm-obfreferenceobject
    ObfReferenceObject(object: usize) -> isize, DISPATCH_LEVEL, |kernel| {
        kernel.reference(object);
        1
    }
    /// nf-wdm-obfdereferenceobject
    ObfDereferenceObject(object: usize) -> isize, DISPATCH_LEVEL, |kernel| {
        kernel.dereference(object);
        1
    }
    /// nf-ntifs-ntclose
    ZwClose(handle: u64) -> i32, PASSIVE_LEVEL, |kernel| { kernel.close_kernel_handle(handle).0 }
    /// nf-wdm-zwopenkey
    ZwOpenKey(handle: *mut u64, access: u32, attributes: usize) -> i32, PASSIVE_LEVEL, |kernel| {
        // SAFETY: the driver's structure.
        let (root, name, flags) = unsafe {
            let name: usize = get(attributes, object_attributes::OBJECT_NAME);
            (
                get::<u64>(attributes, object_attributes::ROOT_DIRECTORY),
                unicode_string(name),
                get::<u32>(attributes, object_attributes::ATTRIBUTES),
            )
        };
        if flags & object_attributes::OBJ_KERNEL_HANDLE == 0 {
            kernel.violation("handle", "a registry key was opened without OBJ_KERNEL_HANDLE");
        }
        if kernel.fails("ZwOpenKey") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.open_key(root, &name, access).map(|key| {
            // SAFETY: the driver's out parameter.
            unsafe { handle.write(key) };
        }))
    }
    /// nf-wdm-zwsetvaluekey
    ZwSetValueKey(
        key: u64, name: usize, title: u32, kind: u32, data: *const u8, length: u32
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        if title != 0 {
            kernel.violation("registry", "a title index was given, which is reserved");
        }
        if kernel.fails("ZwSetValueKey") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let name = if name == 0 {
            String::new()
        } else {
            // SAFETY: the driver's string.
            unsafe { unicode_string(name) }
        };
        let data = if length == 0 {
            Vec::new()
        } else {
            // SAFETY: the driver's buffer of that length.
            unsafe { std::slice::from_raw_parts(data, length as usize) }.to_vec()
        };
        code(kernel.set_key_value(key, &name, Value { kind, data }))
    }
    /// nf-wdm-zwqueryvaluekey
    ZwQueryValueKey(
        key: u64, name: usize, class: u32, information: *mut u8, length: u32, needed: *mut u32
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        const KEY_VALUE_PARTIAL_INFORMATION: u32 = 2;
        /// Bytes before the data: less than these is no answer at all.
        const FIXED: usize = 12;
        if class != KEY_VALUE_PARTIAL_INFORMATION {
            kernel.violation("not simulated", "only KeyValuePartialInformation is simulated");
            return NtStatus::INVALID_PARAMETER.0;
        }
        if kernel.fails("ZwQueryValueKey") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        // SAFETY: the driver's string.
        let name = unsafe { unicode_string(name) };
        let found = match kernel.partial_information(key, &name) {
            Ok(found) => found,
            Err(status) => return status.0,
        };
        // SAFETY: the driver's out parameter.
        unsafe { needed.write(found.len() as u32) };
        let room = length as usize;
        if room < FIXED {
            return NtStatus::BUFFER_TOO_SMALL.0;
        }
        // SAFETY: the driver's buffer of `length` bytes.
        unsafe { information.copy_from(found.as_ptr(), found.len().min(room)) };
        if room < found.len() { NtStatus::BUFFER_OVERFLOW.0 } else { NtStatus::SUCCESS.0 }
    }
}
