//! Routines of fltmgr.sys.

use super::{code, imports};
use crate::{
    NtStatus,
    contexts::Place,
    filter::read_registration,
    instance::AUTOMATIC_ATTACHMENT,
    kernel::Kernel,
    nt::{flt_volume_properties as vp, put, standard_information},
};
use std::sync::Arc;

/// The stream of a file object, as a place for a context.
fn stream(kernel: &Kernel, file: usize) -> Result<Place, NtStatus> {
    let state = kernel.lock();
    let file = state
        .file_objects
        .get(&file)
        .ok_or(NtStatus::INVALID_PARAMETER)?;
    file.file.map(Place::Stream).ok_or(NtStatus::NOT_SUPPORTED)
}

fn get_context(kernel: &Kernel, place: Result<Place, NtStatus>, context: *mut usize) -> i32 {
    let found = place.and_then(|place| kernel.get_context(&place));
    // SAFETY: the driver's out parameter, which the routine sets to NULL on failure.
    unsafe { context.write(found.unwrap_or(0)) };
    code(found.map(|_| ()))
}

fn set_context(
    kernel: &Arc<Kernel>,
    place: Result<Place, NtStatus>,
    operation: u32,
    new: usize,
    old: *mut usize,
) -> i32 {
    const KEEP_IF_EXISTS: u32 = 1;
    if operation != KEEP_IF_EXISTS {
        kernel.violation(
            "not simulated",
            "FLT_SET_CONTEXT_REPLACE_IF_EXISTS is not simulated",
        );
        return NtStatus::NOT_SUPPORTED.0;
    }
    let result = place
        .map_err(|status| (status, 0))
        .and_then(|place| kernel.set_context(&place, new));
    let existing = result.err().map_or(0, |(_, existing)| existing);
    if old.is_null() {
        if existing != 0 {
            // Nobody takes the reference to the existing context then.
            kernel.violation("context", "the existing context was not asked for");
            kernel.release_context(existing);
        }
    } else {
        // SAFETY: the driver's out parameter.
        unsafe { old.write(existing) };
    }
    code(result.map_err(|(status, _)| status))
}

imports! {
    /// nf-fltkernel-fltregisterfilter
    FltRegisterFilter(driver: usize, registration: usize, filter: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        let _ = driver;
        if kernel.fails("FltRegisterFilter") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        // SAFETY: the driver's registration.
        code(unsafe { read_registration(registration) }.map(|read| {
            // SAFETY: the driver's out parameter.
            unsafe { filter.write(read.block.address()) };
            kernel.check_registration(&read);
            kernel.lock().filter = Some(read);
        }))
    }
    /// nf-fltkernel-fltstartfiltering
    FltStartFiltering(_filter: usize) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltStartFiltering") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let volumes = kernel.lock().volumes.len();
        for index in 0..volumes {
            // A filter that does not want a volume is not attached to it, which is no failure.
            let _ = kernel.attach(index, AUTOMATIC_ATTACHMENT);
        }
        0
    }
    /// nf-fltkernel-fltunregisterfilter
    FltUnregisterFilter(_filter: usize) -> (), APC_LEVEL, |kernel| { kernel.unregister_filter(); }
    /// nf-fltkernel-fltallocatecontext
    FltAllocateContext(filter: usize, kind: u16, size: usize, pool: u32, context: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        let _ = (filter, pool);
        if kernel.fails("FltAllocateContext") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.allocate_context(kind, size).map(|address| {
            // SAFETY: the driver's out parameter.
            unsafe { context.write(address) };
        }))
    }
    /// nf-fltkernel-fltreleasecontext
    FltReleaseContext(context: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.release_context(context);
    }
    /// nf-fltkernel-fltgetstreamcontext
    FltGetStreamContext(instance: usize, file: usize, context: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        let _ = instance;
        get_context(&kernel, stream(&kernel, file), context)
    }
    /// nf-fltkernel-fltsetstreamcontext
    FltSetStreamContext(instance: usize, file: usize, operation: u32, new: usize, old: *mut usize)
        -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltSetStreamContext") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let place = kernel.live_instance(instance).and_then(|_| stream(&kernel, file));
        set_context(&kernel, place, operation, new, old)
    }
    /// nf-fltkernel-fltgetinstancecontext
    FltGetInstanceContext(instance: usize, context: *mut usize) -> i32, APC_LEVEL, |kernel| {
        get_context(&kernel, Ok(Place::Instance(instance)), context)
    }
    /// nf-fltkernel-fltsetinstancecontext
    FltSetInstanceContext(instance: usize, operation: u32, new: usize, old: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        if kernel.fails("FltSetInstanceContext") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let place = kernel.live_instance(instance).map(|_| Place::Instance(instance));
        set_context(&kernel, place, operation, new, old)
    }
    /// nf-fltkernel-fltgetvolumeproperties
    FltGetVolumeProperties(volume: usize, properties: usize, length: u32, returned: *mut u32)
        -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("FltGetVolumeProperties") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        const STATUS_BUFFER_TOO_SMALL: i32 = NtStatus::BUFFER_TOO_SMALL.0;
        const STATUS_BUFFER_OVERFLOW: i32 = 0x8000_0005_u32 as i32;
        // SAFETY: the driver's out parameter. The names would follow the structure.
        unsafe { returned.write(vp::SIZE as u32 + 64) };
        if (length as usize) < vp::SIZE {
            return STATUS_BUFFER_TOO_SMALL;
        }
        let state = kernel.lock();
        let found = state.volumes.iter().find(|known| known.block.address() == volume);
        let dax = found.is_some_and(|volume| volume.options.dax);
        let flags = if dax { vp::VOL_PROP_FL_DAX_VOLUME } else { 0 };
        // SAFETY: the driver's buffer, which has the structure's size at least, in all of these.
        unsafe { put(properties, vp::DEVICE_TYPE, vp::FILE_DEVICE_DISK_FILE_SYSTEM) };
        // SAFETY: as above.
        unsafe { put(properties, vp::SECTOR_SIZE, 4096_u16) };
        // SAFETY: as above.
        unsafe { put(properties, vp::FLAGS, flags) };
        STATUS_BUFFER_OVERFLOW
    }
    /// nf-fltkernel-fltgetvolumefromfileobject
    FltGetVolumeFromFileObject(filter: usize, file: usize, volume: *mut usize) -> i32,
        APC_LEVEL, |kernel| {
        let _ = filter;
        if kernel.fails("FltGetVolumeFromFileObject") {
            return NtStatus::FLT_DELETING_OBJECT.0;
        }
        let state = kernel.lock();
        let index = state.file_objects.get(&file).map(|file| file.volume);
        let found = index.and_then(|index| state.volumes.get(index));
        let Some(found) = found.map(|found| found.block.address()) else {
            return NtStatus::INVALID_PARAMETER.0;
        };
        drop(state);
        kernel.lock().add_flt_reference(found);
        // SAFETY: the driver's out parameter.
        unsafe { volume.write(found) };
        0
    }
    /// nf-fltkernel-fltgetvolumeinstancefromname
    FltGetVolumeInstanceFromName(filter: usize, volume: usize, name: usize, instance: *mut usize)
        -> i32, APC_LEVEL, |kernel| {
        let _ = (filter, name);
        if kernel.fails("FltGetVolumeInstanceFromName") {
            return NtStatus::FLT_DELETING_OBJECT.0;
        }
        let mut state = kernel.lock();
        let found = state.volumes.iter().find(|known| known.block.address() == volume);
        let found = match found.filter(|volume| volume.attached) {
            Some(found) if found.tearing_down => return NtStatus::FLT_DELETING_OBJECT.0,
            Some(found) => found.instance_address(),
            None => return NtStatus::FLT_INSTANCE_NOT_FOUND.0,
        };
        state.add_flt_reference(found);
        // SAFETY: the driver's out parameter.
        unsafe { instance.write(found) };
        0
    }
    /// nf-fltkernel-fltobjectdereference
    FltObjectDereference(object: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.drop_flt_reference(object);
    }
    /// nf-fltkernel-fltqueryinformationfile
    FltQueryInformationFile(
        instance: usize, file: usize, information: usize, length: u32, class: u32,
        returned: *mut u32
    ) -> i32, PASSIVE_LEVEL, |kernel| {
        const FILE_STANDARD_INFORMATION: u32 = 5;
        let _ = instance;
        if class != FILE_STANDARD_INFORMATION {
            kernel.violation("not simulated", "only FileStandardInformation is simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        if kernel.fails("FltQueryInformationFile") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        if length < standard_information::SIZE {
            return NtStatus::INFO_LENGTH_MISMATCH.0;
        }
        code(kernel.standard_information(file).map(|found| {
            // SAFETY: the driver's buffer, which is long enough, in all of these.
            unsafe { put(information, standard_information::ALLOCATION_SIZE, found.allocation) };
            // SAFETY: as above.
            unsafe { put(information, standard_information::END_OF_FILE, found.size) };
            // SAFETY: as above.
            unsafe { put(information, standard_information::NUMBER_OF_LINKS, found.links) };
            // SAFETY: as above.
            unsafe { put(information, standard_information::DELETE_PENDING, found.delete_pending) };
            // SAFETY: as above.
            unsafe { put(information, standard_information::DIRECTORY, found.directory) };
            // SAFETY: the driver's out parameter.
            unsafe { returned.write(standard_information::SIZE) };
        }))
    }
    /// nf-fltkernel-fltisdirectory
    FltIsDirectory(file: usize, instance: usize, directory: *mut u8) -> i32, APC_LEVEL, |kernel| {
        let _ = instance;
        if kernel.fails("FltIsDirectory") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        let is = kernel.is_directory(file);
        // SAFETY: the driver's out parameter.
        unsafe { directory.write(u8::from(is)) };
        0
    }
    /// nf-fltkernel-fltinitializepushlock
    FltInitializePushLock(lock: usize) -> (), APC_LEVEL, |kernel| {
        kernel.initialize_push_lock(lock);
    }
    /// nf-fltkernel-fltdeletepushlock
    FltDeletePushLock(lock: usize) -> (), APC_LEVEL, |kernel| { kernel.delete_push_lock(lock); }
    /// nf-fltkernel-fltacquirepushlockexclusive
    FltAcquirePushLockExclusive(lock: usize) -> (), APC_LEVEL, |kernel| {
        kernel.acquire_push_lock(lock, true);
    }
    /// nf-fltkernel-fltacquirepushlockshared
    FltAcquirePushLockShared(lock: usize) -> (), APC_LEVEL, |kernel| {
        kernel.acquire_push_lock(lock, false);
    }
    /// nf-fltkernel-fltreleasepushlock
    FltReleasePushLock(lock: usize) -> (), APC_LEVEL, |kernel| { kernel.release_push_lock(lock); }
}
