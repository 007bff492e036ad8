//! What travels from a pre-operation to its post-operation as one pointer.

use super::shared::Shared;
use core::{ffi::c_void, ptr};

/// A value that fits into a completion context.
pub trait Handover: Sized {
    fn into_raw(self) -> *mut c_void;

    /// # Safety
    /// `raw` comes from [`Self::into_raw`] and is taken back once.
    unsafe fn from_raw(raw: *mut c_void) -> Option<Self>;
}

impl Handover for () {
    fn into_raw(self) -> *mut c_void {
        ptr::null_mut()
    }

    unsafe fn from_raw(_: *mut c_void) -> Option<Self> {
        Some(())
    }
}

impl<T> Handover for Shared<T> {
    fn into_raw(self) -> *mut c_void {
        Self::into_raw(self)
    }

    unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw(raw) }
    }
}

/// One of two kinds of value, the first with a small number beside it. No allocation: the lowest
/// bits of a reference's pointer tell.
pub enum OneOf<A, B> {
    /// A value and a number up to [`Self::MAX_NOTE`].
    First(Shared<A>, usize),
    Second(Shared<B>),
}

impl<A, B> OneOf<A, B> {
    /// The largest number beside a first value.
    pub const MAX_NOTE: usize = 3;
    const SECOND: usize = 4;
    const TAGS: usize = 7;
}

impl<A, B> Handover for OneOf<A, B> {
    fn into_raw(self) -> *mut c_void {
        let (raw, tag) = match self {
            Self::First(value, note) => (value.into_raw(), note & Self::MAX_NOTE),
            Self::Second(value) => (value.into_raw(), Self::SECOND),
        };
        // Pool is aligned to 16 bytes, and the count at the start of a shared value needs 8.
        raw.map_addr(|address| address | tag)
    }

    unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        let tag = raw.addr() & Self::TAGS;
        let raw = raw.map_addr(|address| address & !Self::TAGS);
        if tag & Self::SECOND != 0 {
            // SAFETY: the caller's promise, and the tag says what it was.
            unsafe { Shared::from_raw(raw) }.map(Self::Second)
        } else {
            // SAFETY: as above.
            unsafe { Shared::from_raw(raw) }.map(|value| Self::First(value, tag))
        }
    }
}
