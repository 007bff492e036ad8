//! A reference-counted value in non-paged pool whose allocation may fail.

use super::status::NtStatus;
use alloc::alloc::{alloc, dealloc};
use core::{
    alloc::Layout,
    ffi::c_void,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

struct Inner<T> {
    count: AtomicUsize,
    value: T,
}

/// What `alloc::sync::Arc` is, for code that must survive an empty pool. Usable at any IRQL up to
/// DISPATCH_LEVEL, as far as dropping `T` is.
pub struct Shared<T> {
    inner: NonNull<Inner<T>>,
}

// SAFETY: like Arc: the count is atomic, and the value is only handed out by shared reference.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub fn try_new(value: T) -> Result<Self, NtStatus> {
        let layout = Layout::new::<Inner<T>>();
        // SAFETY: the layout holds at least the count, so its size is not zero.
        let memory = unsafe { alloc(layout) }.cast::<Inner<T>>();
        let inner = NonNull::new(memory).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
        // SAFETY: freshly allocated for exactly this type.
        unsafe {
            inner.write(Inner {
                count: AtomicUsize::new(1),
                value,
            })
        };
        Ok(Self { inner })
    }

    /// Gives up the reference as a pointer, to be taken back with [`Self::from_raw`].
    pub fn into_raw(self) -> *mut c_void {
        let raw = self.inner.as_ptr().cast();
        core::mem::forget(self);
        raw
    }

    /// Takes back a reference.
    ///
    /// # Safety
    /// `raw` comes from [`Self::into_raw`] of the same `T` and is taken back once.
    pub unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        NonNull::new(raw.cast()).map(|inner| Self { inner })
    }

    /// Another reference beside the one that `raw` stands for.
    ///
    /// # Safety
    /// `raw` comes from [`Self::into_raw`] of the same `T` and is not taken back meanwhile.
    pub unsafe fn clone_raw(raw: *mut c_void) -> Option<Self> {
        // SAFETY: the caller's promise; the borrowed reference is forgotten, not dropped.
        let borrowed = core::mem::ManuallyDrop::new(unsafe { Self::from_raw(raw) }?);
        Some(Self::clone(&borrowed))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        // SAFETY: this reference keeps the allocation alive.
        unsafe { self.inner.as_ref() }
            .count
            .fetch_add(1, Ordering::Relaxed);
        Self { inner: self.inner }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this reference keeps the allocation alive.
        &unsafe { self.inner.as_ref() }.value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: this reference keeps the allocation alive until the count is given back.
        if unsafe { self.inner.as_ref() }
            .count
            .fetch_sub(1, Ordering::Release)
            != 1
        {
            return;
        }
        // Every use of the value by former holders happens before its drop.
        fence(Ordering::Acquire);
        // SAFETY: that was the last reference, so nobody else can reach the value.
        unsafe { self.inner.drop_in_place() };
        // SAFETY: allocated in try_new with this layout.
        unsafe { dealloc(self.inner.as_ptr().cast(), Layout::new::<Inner<T>>()) };
    }
}
