//! The routines under their Windows names and with their C ABI, for programs in C: see
//! `include/nvmem.h`. All of them share one table of 4,096 tokens, and choose the method when they
//! are first called.
//!
//! Every routine returns an `NTSTATUS`: `STATUS_SUCCESS`, or an [`Error`]'s, and then nothing was
//! touched. IRQL <= DISPATCH_LEVEL, except [`RtlFreeNonVolatileToken`].
#![allow(
    non_snake_case,
    reason = "the names and parameters that Windows documents"
)]

use super::{entropy, store::Content};
use crate::{Error, Features, FlushFlags, NvMemory, NvMemoryRange, NvToken, WriteFlags};
use core::{ffi::c_void, ptr::NonNull, slice};

static MEMORY: NvMemory<4096> = NvMemory::new();

const STATUS_SUCCESS: i32 = 0;

/// The state behind the routines. A program may choose the method with
/// [`NvMemory::init_with`] before the first call of a routine.
#[must_use]
pub fn memory() -> &'static NvMemory<4096> {
    &MEMORY
}

fn initialized() -> Result<&'static NvMemory<4096>, Error> {
    if MEMORY.line_size() == 0 {
        MEMORY.init_with(Features::detect(), entropy())?;
    }
    Ok(&MEMORY)
}

fn status(result: Result<(), Error>) -> i32 {
    result.map_or_else(Error::to_ntstatus, |()| STATUS_SUCCESS)
}

fn token(raw: *mut c_void) -> NvToken {
    NvToken::from_raw(raw.addr())
}

/// nf-ntddk-rtlgetnonvolatiletoken. Errors as [`NvMemory::get_token`], and
/// `STATUS_INVALID_PARAMETER` if `NvToken` is null or not aligned.
///
/// # Safety
/// As [`NvMemory::get_token`]; a token may be written to `NvToken`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn RtlGetNonVolatileToken(
    NvBuffer: *mut c_void,
    Size: usize,
    NvToken: *mut *mut c_void,
) -> i32 {
    let get = || {
        if NvToken.is_null() || !NvToken.is_aligned() {
            return Err(Error::InvalidParameter);
        }
        let base = NvBuffer.expose_provenance();
        // SAFETY: the caller's promise.
        let token = unsafe { initialized()?.get_token(base, Size)? };
        // SAFETY: the caller's promise; neither null nor misaligned.
        unsafe { NvToken.write(core::ptr::without_provenance_mut(token.as_raw())) };
        Ok(())
    };
    status(get())
}

/// nf-ntddk-rtlfreenonvolatiletoken: returns when nobody uses the token any more. Errors as
/// [`NvMemory::free_token`]. IRQL <= APC_LEVEL.
#[unsafe(no_mangle)]
pub extern "system" fn RtlFreeNonVolatileToken(NvToken: *mut c_void) -> i32 {
    status(initialized().and_then(|memory| memory.free_token(token(NvToken))))
}

/// nf-ntddk-rtlflushnonvolatilememory. `Size` in bytes. Errors as [`NvMemory::flush`].
///
/// # Safety
/// With the default token: as [`NvMemory::flush_ranges_default`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn RtlFlushNonVolatileMemory(
    NvToken: *mut c_void,
    NvBuffer: *mut c_void,
    Size: usize,
    Flags: u32,
) -> i32 {
    let range = NvMemoryRange::new(NvBuffer.addr(), Size);
    // SAFETY: the caller's promise.
    status(unsafe { flush(token(NvToken), &[range], Flags) })
}

/// nf-ntddk-rtlflushnonvolatilememoryranges. `NumRanges` is the number of elements of `NvRanges`.
/// Errors as [`NvMemory::flush_ranges`], and `STATUS_INVALID_PARAMETER` if `NvRanges` is null, not
/// aligned or too long to be an array; without elements it is not looked at.
///
/// # Safety
/// The array is readable; with the default token, also as [`NvMemory::flush_ranges_default`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn RtlFlushNonVolatileMemoryRanges(
    NvToken: *mut c_void,
    NvRanges: *const NvMemoryRange,
    NumRanges: usize,
    Flags: u32,
) -> i32 {
    let flush_array = || {
        // SAFETY: the caller's promise.
        let ranges = unsafe { array(NvRanges, NumRanges)? };
        // SAFETY: the caller's promise.
        unsafe { flush(token(NvToken), ranges, Flags) }
    };
    status(flush_array())
}

/// nf-ntddk-rtldrainnonvolatileflush. Errors as [`NvMemory::drain`].
#[unsafe(no_mangle)]
pub extern "system" fn RtlDrainNonVolatileFlush(NvToken: *mut c_void) -> i32 {
    status(initialized().and_then(|memory| memory.drain(token(NvToken))))
}

/// nf-ntddk-rtlwritenonvolatilememory. `Size` in bytes; the source may overlap the destination.
/// Errors as [`NvMemory::write`], and `STATUS_INVALID_PARAMETER` if there are bytes to copy and
/// `Source` is null or its end is not an address.
///
/// # Safety
/// As [`NvMemory::write`]; the source is readable.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn RtlWriteNonVolatileMemory(
    NvToken: *mut c_void,
    NvDestination: *mut c_void,
    Source: *const c_void,
    Size: usize,
    Flags: u32,
) -> i32 {
    let is_source = Size == 0 || (!Source.is_null() && Source.addr().checked_add(Size).is_some());
    let content = Content::Copy(Source.cast());
    // SAFETY: the caller's promise.
    status(unsafe { store(NvToken, NvDestination, Size, content, is_source, Flags) })
}

/// nf-ntddk-rtlfillnonvolatilememory. `Size` in bytes. Errors as [`NvMemory::fill`].
///
/// # Safety
/// As [`NvMemory::write`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn RtlFillNonVolatileMemory(
    NvToken: *mut c_void,
    NvDestination: *mut c_void,
    Size: usize,
    Value: u8,
    Flags: u32,
) -> i32 {
    let content = Content::Fill(Value);
    // SAFETY: the caller's promise.
    status(unsafe { store(NvToken, NvDestination, Size, content, true, Flags) })
}

/// # Safety
/// With the default token: as [`NvMemory::flush_ranges_default`].
unsafe fn flush(token: NvToken, ranges: &[NvMemoryRange], flags: u32) -> Result<(), Error> {
    let flags = FlushFlags::try_from(flags)?;
    let memory = initialized()?;
    if token == NvToken::DEFAULT {
        // SAFETY: the caller's promise.
        unsafe { memory.flush_ranges_default(ranges, flags) }
    } else {
        memory.flush_ranges(token, ranges, flags)
    }
}

/// # Safety
/// As [`NvMemory::store`].
unsafe fn store(
    raw: *mut c_void,
    destination: *mut c_void,
    size: usize,
    content: Content,
    is_source: bool,
    flags: u32,
) -> Result<(), Error> {
    if !is_source {
        return Err(Error::InvalidParameter);
    }
    let flags = WriteFlags::try_from(flags)?;
    let destination = NvMemoryRange::new(destination.expose_provenance(), size);
    // SAFETY: the caller's promise.
    unsafe { initialized()?.store(token(raw), destination, content, flags) }
}

/// # Safety
/// The array, if it can be one, is readable.
unsafe fn array<'a>(
    start: *const NvMemoryRange,
    count: usize,
) -> Result<&'a [NvMemoryRange], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    let bytes = count.checked_mul(size_of::<NvMemoryRange>());
    let is_array = start.is_aligned()
        && bytes.is_some_and(|bytes| {
            isize::try_from(bytes).is_ok() && start.addr().checked_add(bytes).is_some()
        });
    let start = NonNull::new(start.cast_mut()).filter(|_| is_array);
    let start = start.ok_or(Error::InvalidParameter)?;
    // SAFETY: aligned, not null, not longer than an object can be; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(start.as_ptr(), count) })
}
