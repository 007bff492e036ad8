//! The functions of `include/daxflush.h`, which describes them; none of them panics.
#![allow(
    clippy::missing_safety_doc,
    reason = "the header says what callers promise"
)]

use crate::{
    failure::{Failure, Kind, last_code, last_text, result},
    machine::{File, Machine},
};
use daxctl::client::Recording;
use std::{
    ffi::{CStr, c_char, c_void},
    path::Path,
    ptr::{null_mut, with_exposed_provenance_mut},
    slice,
};

type Outcome<T = ()> = Result<T, Failure>;

fn invalid(what: &str) -> Failure {
    Failure::new(Kind::Invalid, what)
}

/// What a handle points to.
///
/// # Safety
/// NULL, or a handle that an open function gave and no other thread uses.
unsafe fn target<'a, T>(handle: *mut T) -> Outcome<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_mut() }.ok_or_else(|| invalid("the handle is NULL"))
}

/// Where a result goes.
///
/// # Safety
/// NULL, or room for a value.
unsafe fn put<T>(place: *mut T, value: T) -> Outcome {
    if place.is_null() {
        return Err(invalid("the place for the result is NULL"));
    }
    // SAFETY: the caller's promise; what is there may be uninitialized.
    unsafe { place.write(value) };
    Ok(())
}

/// # Safety
/// NULL, or a text that ends with 0.
unsafe fn text<'a>(text: *const c_char) -> Outcome<&'a str> {
    if text.is_null() {
        return Err(invalid("the path is NULL"));
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map_err(|_| invalid("the path is not valid UTF-8"))
}

/// # Safety
/// So many bytes are at `data`, which may be NULL if there are none.
unsafe fn bytes<'a>(data: *const c_void, length: usize) -> Outcome<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() || isize::try_from(length).is_err() {
        return Err(invalid("there is no such data"));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { slice::from_raw_parts(data.cast(), length) })
}

/// # Safety
/// As [`put`]'s.
unsafe fn open(place: *mut *mut Machine, machine: impl FnOnce() -> Outcome<Machine>) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { put(place, null_mut()) }?;
    let machine = Box::into_raw(Box::new(machine()?));
    // SAFETY: the caller's promise.
    unsafe { put(place, machine) }
}

/// Opens the device of this machine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_open(device: *mut *mut Machine) -> i32 {
    // SAFETY: the header asks for it.
    result(unsafe { open(device, Machine::open) })
}

/// Boots a simulated machine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_simulate(
    driver: *const c_char,
    device: *mut *mut Machine,
) -> i32 {
    // SAFETY: the header asks for it.
    result(unsafe { open(device, || Machine::simulate(Path::new(text(driver)?))) })
}

/// Closes a device.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_close(device: *mut Machine) -> i32 {
    let close = || {
        // SAFETY: the header asks for it.
        if unsafe { target(device) }?.is_used() {
            return Err(Failure::new(Kind::Busy, "files are open"));
        }
        // SAFETY: made by Box::into_raw, and the header forbids any further use.
        unsafe { Box::from_raw(device) }.close()
    };
    result(close())
}

/// Ends what [`daxflush_begin_commit`] has begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_drain(device: *mut Machine) -> i32 {
    let drain = || {
        // SAFETY: the header asks for it; threads may do so together, so it is only read.
        let machine = unsafe { device.as_ref() }.ok_or_else(|| invalid("the handle is NULL"))?;
        machine.device.drain()?;
        Ok(())
    };
    result(drain())
}

/// Opens a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_open_file(
    device: *mut Machine,
    path: *const c_char,
    recording: i32,
    log_entries: u32,
    file: *mut *mut File,
) -> i32 {
    let open = || {
        // SAFETY: the header asks for it.
        unsafe { put(file, null_mut()) }?;
        // SAFETY: the header asks for it; threads may do so together, so it is only read.
        let machine = unsafe { device.as_ref() }.ok_or_else(|| invalid("the handle is NULL"))?;
        // SAFETY: the header asks for it.
        let path = unsafe { text(path) }?;
        let recording = match recording {
            0 => Recording::Report,
            1 => Recording::Log {
                entries: log_entries,
            },
            2 => Recording::Faults,
            3 => Recording::Conservative,
            _ => return Err(invalid("there is no such way of recording")),
        };
        let opened = Box::new(File::open(&machine.device, path, recording)?);
        // SAFETY: as above.
        unsafe { put(file, Box::into_raw(opened)) }
    };
    result(open())
}

/// Closes a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_close_file(file: *mut File) -> i32 {
    let close = || {
        // SAFETY: the header asks for it.
        unsafe { target(file) }?;
        // SAFETY: made by Box::into_raw, and the header forbids any further use.
        let file = unsafe { Box::from_raw(file) };
        Ok((*file).close()?)
    };
    result(close())
}

/// Does something with a file.
///
/// # Safety
/// As [`target`]'s.
unsafe fn with(file: *mut File, work: impl FnOnce(&mut File) -> Outcome) -> i32 {
    // SAFETY: the caller's promise.
    result(unsafe { target(file) }.and_then(work))
}

/// Sets the size of a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_set_size(file: *mut File, size: u64) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.set_size(size)?)) }
}

/// Maps a range of a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_map(file: *mut File, offset: u64, length: u64) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.map(offset, length)?)) }
}

/// Unmaps the view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_unmap(file: *mut File) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.unmap()?)) }
}

/// Where the view is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_view(
    file: *mut File,
    address: *mut *mut c_void,
    length: *mut u64,
) -> i32 {
    let view = |file: &mut File| {
        let unmapped = || Failure::new(Kind::NotMapped, "the file is not mapped");
        let (first, bytes) = file.address().ok_or_else(unmapped)?;
        // SAFETY: the header asks for it.
        unsafe { put(address, with_exposed_provenance_mut(first)) }?;
        // SAFETY: the header asks for it.
        unsafe { put(length, bytes) }
    };
    // SAFETY: the header asks for it.
    unsafe { with(file, view) }
}

/// Records a store of the program's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_record(file: *mut File, offset: u64, length: u64) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.record(offset, length)?)) }
}

/// Stores through the view and records it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_store(
    file: *mut File,
    offset: u64,
    data: *const c_void,
    length: usize,
) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.store(offset, bytes(data, length)?)?)) }
}

/// Writes without the view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_write(
    file: *mut File,
    offset: u64,
    data: *const c_void,
    length: usize,
) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.write(offset, bytes(data, length)?)?)) }
}

/// Makes a file durable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_commit(file: *mut File) -> i32 {
    // SAFETY: the header asks for it.
    unsafe { with(file, |file| Ok(file.commit()?)) }
}

/// Makes the data of a range durable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_commit_range(file: *mut File, offset: u64, length: u64) -> i32 {
    let commit = |file: &mut File| {
        file.commit_range(offset, length)?;
        Ok(())
    };
    // SAFETY: the header asks for it.
    unsafe { with(file, commit) }
}

/// Begins to make the data of a range durable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daxflush_begin_commit(file: *mut File, offset: u64, length: u64) -> i32 {
    let begin = |file: &mut File| {
        file.begin_commit(offset, length)?;
        Ok(())
    };
    // SAFETY: the header asks for it.
    unsafe { with(file, begin) }
}

/// The text of the thread's last error.
#[unsafe(no_mangle)]
pub extern "C" fn daxflush_last_error() -> *const c_char {
    last_text()
}

/// The system's number for the thread's last error.
#[unsafe(no_mangle)]
pub extern "C" fn daxflush_last_code() -> u32 {
    last_code()
}
