//! Faults on Windows: a vectored exception handler, which passes on what is not its own.

use super::super::regions::note_fault;
use std::{io, ptr::with_exposed_provenance, sync::Mutex, sync::PoisonError};
use windows_sys::Win32::{
    Foundation::{EXCEPTION_ACCESS_VIOLATION, GetLastError, SetLastError},
    System::{
        Diagnostics::Debug::{
            AddVectoredExceptionHandler, EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_CONTINUE_SEARCH,
            EXCEPTION_POINTERS,
        },
        Memory::{PAGE_READONLY, PAGE_READWRITE, VirtualProtect},
    },
};

static INSTALLED: Mutex<bool> = Mutex::new(false);

/// Installs the handler in front of all others, once. The system calls the next one by itself.
pub fn install() -> io::Result<()> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*installed {
        // SAFETY: the handler has the signature that is asked for and stays for ever.
        if unsafe { AddVectoredExceptionHandler(1, Some(on_exception)) }.is_null() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        *installed = true;
    }
    Ok(())
}

/// First parameter of an access violation: it was a store.
const STORE: usize = 1;

unsafe extern "system" fn on_exception(exception: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system passes valid structures.
    let record = unsafe { &*(*exception).ExceptionRecord };
    let [access, address, ..] = record.ExceptionInformation;
    if record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION
        || record.NumberParameters < 2
        || access != STORE
    {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    // SAFETY: no pointers; the interrupted code may be about to read the thread's last error.
    let last_error = unsafe { GetLastError() };
    let noted = note_fault(address);
    // SAFETY: no pointers.
    unsafe { SetLastError(last_error) };
    if noted {
        EXCEPTION_CONTINUE_EXECUTION
    } else {
        EXCEPTION_CONTINUE_SEARCH
    }
}

/// Makes pages writable or read-only; called by the handler too.
///
/// # Safety
/// The pages are a mapping's, and what stores to them copes with a fault.
pub unsafe fn change_protection(first: usize, bytes: usize, writable: bool) -> io::Result<()> {
    let protection = if writable {
        PAGE_READWRITE
    } else {
        PAGE_READONLY
    };
    let mut before = 0;
    // SAFETY: the caller's promise; the system checks the rest, and `before` is ours.
    let done = unsafe {
        VirtualProtect(
            with_exposed_provenance(first),
            bytes,
            protection,
            &mut before,
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
