//! The routines, called from Rust and from C.

use crate::cases::Call;
use daxflush_nvmem::{
    Error, Features, FlushFlags, Method, NvMemory, NvMemoryRange, NvToken, WriteFlags, exports,
};
use std::{ffi::c_void, ptr};

/// The routines in one of their forms. Statuses are `NTSTATUS` values.
pub trait Api {
    /// The method in use.
    fn method(&self) -> Method;
    /// Bytes in a cache line.
    fn line_size(&self) -> usize;
    /// A token for memory that stays mapped and writable.
    fn get(&self, base: usize, size: usize) -> (i32, usize);
    /// Frees a token.
    fn free(&self, token: usize) -> i32;
    /// Any other routine.
    ///
    /// # Safety
    /// What the call touches, if it is accepted, is mapped, writable, and in nobody else's use.
    unsafe fn call(&self, token: usize, call: &Call) -> i32;
}

fn status(result: Result<(), Error>) -> i32 {
    result.map_or_else(Error::to_ntstatus, |()| 0)
}

/// The Rust API.
#[derive(Debug)]
pub struct FromRust(NvMemory<16>);

impl FromRust {
    /// With the method, if this processor has it.
    #[must_use]
    pub fn new(method: Method) -> Option<Self> {
        let features = Features::detect().only(method).ok()?;
        let memory = NvMemory::new();
        memory.init_with(features, 0x5EED).ok()?;
        Some(Self(memory))
    }
}

impl Api for FromRust {
    fn method(&self) -> Method {
        self.0.method()
    }

    fn line_size(&self) -> usize {
        self.0.line_size()
    }

    fn get(&self, base: usize, size: usize) -> (i32, usize) {
        // SAFETY: the caller's promise.
        match unsafe { self.0.get_token(base, size) } {
            Ok(token) => (0, token.as_raw()),
            Err(error) => (error.to_ntstatus(), 0),
        }
    }

    fn free(&self, token: usize) -> i32 {
        status(self.0.free_token(NvToken::from_raw(token)))
    }

    unsafe fn call(&self, token: usize, call: &Call) -> i32 {
        let token = NvToken::from_raw(token);
        let flush = |ranges: &[NvMemoryRange], flags: u32| {
            let flags = FlushFlags::try_from(flags)?;
            if token == NvToken::DEFAULT {
                // SAFETY: the caller's promise.
                unsafe { self.0.flush_ranges_default(ranges, flags) }
            } else if let [range] = ranges {
                self.0.flush(token, range.base_address, range.length, flags)
            } else {
                self.0.flush_ranges(token, ranges, flags)
            }
        };
        status(match call {
            Call::Flush { range, flags } => flush(&[*range], *flags),
            Call::FlushRanges { ranges, flags } => flush(ranges, *flags),
            Call::Drain => self.0.drain(token),
            Call::Write {
                destination,
                source,
                size,
                flags,
            } => WriteFlags::try_from(*flags).and_then(|flags| {
                // SAFETY: the caller's promise.
                unsafe {
                    let source = source.bytes(*size);
                    self.0.write(token, *destination, source, flags)
                }
            }),
            Call::Fill {
                destination,
                size,
                value,
                flags,
            } => WriteFlags::try_from(*flags).and_then(|flags| {
                // SAFETY: the caller's promise.
                unsafe { self.0.fill(token, *destination, *size, *value, flags) }
            }),
        })
    }
}

unsafe extern "C" {
    fn c_get(base: *mut c_void, size: usize, token: *mut *mut c_void) -> i32;
    fn c_free(token: *mut c_void) -> i32;
    fn c_flush(token: *mut c_void, base: *mut c_void, size: usize, flags: u32) -> i32;
    fn c_flush_ranges(
        token: *mut c_void,
        ranges: *const NvMemoryRange,
        count: usize,
        flags: u32,
    ) -> i32;
    fn c_drain(token: *mut c_void) -> i32;
    fn c_write(
        token: *mut c_void,
        destination: *mut c_void,
        source: *const c_void,
        size: usize,
        flags: u32,
    ) -> i32;
    fn c_fill(
        token: *mut c_void,
        destination: *mut c_void,
        size: usize,
        value: u8,
        flags: u32,
    ) -> i32;
}

/// The exported routines, called by a C compiler's code (`c/cases.c`). One method for the process.
#[derive(Debug)]
pub struct FromC(());

impl FromC {
    /// With the method, if this processor has it and no other was chosen before.
    #[must_use]
    pub fn new(method: Method) -> Option<Self> {
        let features = Features::detect().only(method).ok()?;
        exports::memory().init_with(features, 0x5EED).ok()?;
        (exports::memory().method() == method).then_some(Self(()))
    }
}

impl Api for FromC {
    fn method(&self) -> Method {
        exports::memory().method()
    }

    fn line_size(&self) -> usize {
        exports::memory().line_size()
    }

    fn get(&self, base: usize, size: usize) -> (i32, usize) {
        let mut token = ptr::null_mut();
        // SAFETY: the caller's promise.
        let status = unsafe { c_get(pointer(base), size, &raw mut token) };
        (status, token.addr())
    }

    fn free(&self, token: usize) -> i32 {
        // SAFETY: any token may be passed.
        unsafe { c_free(ptr::without_provenance_mut(token)) }
    }

    unsafe fn call(&self, token: usize, call: &Call) -> i32 {
        let token = ptr::without_provenance_mut(token);
        // SAFETY: the caller's promise; arrays are valid.
        unsafe {
            match call {
                Call::Flush { range, flags } => {
                    c_flush(token, pointer(range.base_address), range.length, *flags)
                }
                Call::FlushRanges { ranges, flags } => {
                    c_flush_ranges(token, ranges.as_ptr(), ranges.len(), *flags)
                }
                Call::Drain => c_drain(token),
                Call::Write {
                    destination,
                    source,
                    size,
                    flags,
                } => c_write(
                    token,
                    pointer(*destination),
                    source.address().cast(),
                    *size,
                    *flags,
                ),
                Call::Fill {
                    destination,
                    size,
                    value,
                    flags,
                } => c_fill(token, pointer(*destination), *size, *value, *flags),
            }
        }
    }
}

fn pointer(address: usize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(address)
}
