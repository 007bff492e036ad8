//! Storing the bytes of a write or a fill.

use super::{Native, drain, flush_admitted, native};
use crate::{
    Error, NvMemory, NvMemoryRange, NvToken, TokenGuard, WriteFlags,
    copy::{Plan, Route, Split},
    method::Dispatch,
    range::Region,
};
use core::ptr;

/// The bytes to store: from memory, or one value again and again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Copy(*const u8),
    Fill(u8),
}

impl Content {
    /// The content from `bytes` bytes on.
    fn skip(self, bytes: usize) -> Self {
        match self {
            Self::Copy(source) => Self::Copy(source.wrapping_add(bytes)),
            fill @ Self::Fill(_) => fill,
        }
    }

    /// Whether `size` bytes of the content have an address in common with the destination. Its end
    /// is an address, as the content's is.
    fn overlaps(self, destination: &NvMemoryRange) -> bool {
        match self {
            Self::Copy(source) => {
                source.addr().abs_diff(destination.base_address) < destination.length
            }
            Self::Fill(_) => false,
        }
    }
}

impl<const SLOTS: usize> NvMemory<SLOTS> {
    /// Copies `source` to `destination` (nf-ntddk-rtlwritenonvolatilememory). Bytes are stored in
    /// any order and any width: no more than a byte is atomic. Size 0 stores nothing and still
    /// drains if the flags ask for it. IRQL <= DISPATCH_LEVEL.
    ///
    /// # Errors
    /// `InvalidParameter`, before anything is stored, if the token is not valid, the flags mean
    /// nothing, or the destination does not lie wholly inside the token's region;
    /// `InsufficientResources` as for [`NvMemory::acquire`]. With the default token, `NotReady`
    /// before a method is chosen.
    ///
    /// # Safety
    /// The destination is mapped and writable, also with the default token, and nobody else uses
    /// its bytes in a way that is at odds with their being stored.
    pub unsafe fn write(
        &self,
        token: NvToken,
        destination: usize,
        source: &[u8],
        flags: WriteFlags,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise; a slice is readable.
        unsafe {
            self.store(
                token,
                NvMemoryRange::new(destination, source.len()),
                Content::Copy(source.as_ptr()),
                flags,
            )
        }
    }

    /// Stores `size` times `value` from `destination` on (nf-ntddk-rtlfillnonvolatilememory).
    /// Otherwise as [`NvMemory::write`].
    ///
    /// # Errors
    /// As [`NvMemory::write`].
    ///
    /// # Safety
    /// As [`NvMemory::write`].
    pub unsafe fn fill(
        &self,
        token: NvToken,
        destination: usize,
        size: usize,
        value: u8,
        flags: WriteFlags,
    ) -> Result<(), Error> {
        let destination = NvMemoryRange::new(destination, size);
        // SAFETY: the caller's promise.
        unsafe { self.store(token, destination, Content::Fill(value), flags) }
    }

    /// # Safety
    /// As [`NvMemory::write`]; what is copied is readable, and its end is an address.
    pub(super) unsafe fn store(
        &self,
        token: NvToken,
        destination: NvMemoryRange,
        content: Content,
        flags: WriteFlags,
    ) -> Result<(), Error> {
        if token == NvToken::DEFAULT {
            let dispatch = self.dispatch()?;
            // SAFETY: the caller's promise.
            unsafe { store_in(Region::EVERYWHERE, dispatch, destination, content, flags) }
        } else {
            let guard = self.acquire(token)?;
            // SAFETY: the caller's promise.
            unsafe { guard.store(destination, content, flags) }
        }
    }
}

impl TokenGuard<'_> {
    /// As [`NvMemory::write`].
    ///
    /// # Errors
    /// `InvalidParameter`, before anything is stored.
    ///
    /// # Safety
    /// As [`NvMemory::write`].
    pub unsafe fn write(
        &self,
        destination: usize,
        source: &[u8],
        flags: WriteFlags,
    ) -> Result<(), Error> {
        let destination = NvMemoryRange::new(destination, source.len());
        // SAFETY: the caller's promise; a slice is readable.
        unsafe { self.store(destination, Content::Copy(source.as_ptr()), flags) }
    }

    /// As [`NvMemory::fill`].
    ///
    /// # Errors
    /// `InvalidParameter`, before anything is stored.
    ///
    /// # Safety
    /// As [`NvMemory::write`].
    pub unsafe fn fill(
        &self,
        destination: usize,
        size: usize,
        value: u8,
        flags: WriteFlags,
    ) -> Result<(), Error> {
        let destination = NvMemoryRange::new(destination, size);
        // SAFETY: the caller's promise.
        unsafe { self.store(destination, Content::Fill(value), flags) }
    }

    /// # Safety
    /// As [`NvMemory::store`].
    unsafe fn store(
        &self,
        destination: NvMemoryRange,
        content: Content,
        flags: WriteFlags,
    ) -> Result<(), Error> {
        let (region, dispatch) = (*self.region(), self.dispatch());
        // SAFETY: the caller's promise.
        unsafe { store_in(region, dispatch, destination, content, flags) }
    }
}

/// # Safety
/// As [`NvMemory::store`], if the destination lies inside the region.
unsafe fn store_in(
    region: Region,
    dispatch: Dispatch,
    destination: NvMemoryRange,
    content: Content,
    flags: WriteFlags,
) -> Result<(), Error> {
    if !region.contains(&destination) {
        return Err(Error::InvalidParameter);
    }
    let overlaps = content.overlaps(&destination);
    let plan = Plan::new(flags, dispatch, &destination, overlaps)?;
    // SAFETY: the destination lies inside the region; the rest is the caller's promise.
    unsafe {
        match plan.route {
            Route::Cached => store_cached(&destination, content),
            Route::Flushed => {
                store_cached(&destination, content);
                flush(dispatch, &[destination]);
            }
            Route::PastCaches(split) => store_past_caches(dispatch, &destination, content, split),
        }
    }
    if plan.drains {
        drain(&Native, dispatch);
    }
    Ok(())
}

/// # Safety
/// As [`NvMemory::store`].
unsafe fn store_cached(destination: &NvMemoryRange, content: Content) {
    if destination.length == 0 {
        return;
    }
    let start = ptr::with_exposed_provenance_mut::<u8>(destination.base_address);
    // SAFETY: the caller's promise. `copy` allows the source to overlap.
    unsafe {
        match content {
            Content::Copy(source) => ptr::copy(source, start, destination.length),
            Content::Fill(value) => start.write_bytes(value, destination.length),
        }
    }
}

/// # Safety
/// As [`NvMemory::store`]; `split` is the destination's, and has a middle. The content does not
/// overlap it.
unsafe fn store_past_caches(
    dispatch: Dispatch,
    destination: &NvMemoryRange,
    content: Content,
    split: Split,
) {
    let middle = destination.base_address.wrapping_add(split.head);
    let head = NvMemoryRange::new(destination.base_address, split.head);
    let tail = NvMemoryRange::new(middle.wrapping_add(split.middle), split.tail);
    let start = ptr::with_exposed_provenance_mut::<u8>(middle);
    // SAFETY: the three parts lie inside the destination and have their parts of the content.
    unsafe {
        store_cached(&head, content);
        match content.skip(split.head) {
            Content::Copy(source) => native::copy_units(start, source, split.middle),
            Content::Fill(value) => native::fill_units(start, value, split.middle),
        }
        store_cached(&tail, content.skip(split.head.wrapping_add(split.middle)));
        if native::UNITS_ARE_WRITTEN_BACK {
            flush(dispatch, &[head, tail]);
        } else {
            flush(dispatch, &[*destination]);
        }
    }
}

/// # Safety
/// The ranges are mapped and readable.
unsafe fn flush(dispatch: Dispatch, ranges: &[NvMemoryRange]) {
    // Its callers have checked the ranges: these admit themselves.
    if let Ok(admitted) = Region::EVERYWHERE.admit(ranges) {
        // SAFETY: the caller's promise.
        unsafe { flush_admitted(&Native, dispatch, admitted) };
    }
}
