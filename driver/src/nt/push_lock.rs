//! Filter Manager push locks around the data they protect.
//!
//! IRQL <= APC_LEVEL throughout; holding one disables normal kernel APCs
//! (nf-fltkernel-fltacquirepushlockexclusive).

use super::flt::{
    FltAcquirePushLockExclusive, FltAcquirePushLockShared, FltDeletePushLock,
    FltInitializePushLock, FltReleasePushLock,
};
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicBool, Ordering},
};
use wdk_sys::ULONG_PTR;

/// A reader-writer lock that cannot be acquired recursively.
pub struct PushLock<T> {
    raw: UnsafeCell<ULONG_PTR>,
    ready: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out `&mut T` to one thread at a time, and `&T` to several.
unsafe impl<T: Send> Send for PushLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for PushLock<T> {}

impl<T> PushLock<T> {
    pub const fn new(value: T) -> Self {
        Self {
            raw: UnsafeCell::new(0),
            ready: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// To be called once, when the lock has reached the place where it stays.
    pub fn initialize(&self) {
        // SAFETY: the lock is our own memory and nobody holds it yet.
        unsafe { FltInitializePushLock(self.raw.get()) };
        self.ready.store(true, Ordering::Release);
    }

    /// To be called once when use has ended; only statics need to, whose `Drop` never runs.
    pub fn delete(&self) {
        if self.ready.swap(false, Ordering::AcqRel) {
            // SAFETY: initialized, and the owner has ended all use of it.
            unsafe { FltDeletePushLock(self.raw.get()) };
        }
    }

    pub fn exclusive(&self) -> Exclusive<'_, T> {
        // SAFETY: initialized by its owner; the guard releases it.
        unsafe { FltAcquirePushLockExclusive(self.raw.get()) };
        Exclusive { lock: self }
    }

    pub fn shared(&self) -> SharedGuard<'_, T> {
        // SAFETY: initialized by its owner; the guard releases it.
        unsafe { FltAcquirePushLockShared(self.raw.get()) };
        SharedGuard { lock: self }
    }

    fn release(&self) {
        // SAFETY: called by a guard, which stands for the acquisition.
        unsafe { FltReleasePushLock(self.raw.get()) };
    }
}

impl<T> Drop for PushLock<T> {
    fn drop(&mut self) {
        self.delete();
    }
}

/// Exclusive access until dropped.
pub struct Exclusive<'a, T> {
    lock: &'a PushLock<T>,
}

impl<T> Deref for Exclusive<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: held exclusively.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: held exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Exclusive<'_, T> {
    fn drop(&mut self) {
        self.lock.release();
    }
}

/// Shared access until dropped.
pub struct SharedGuard<'a, T> {
    lock: &'a PushLock<T>,
}

impl<T> Deref for SharedGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: held shared: nobody has it exclusively.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> Drop for SharedGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.release();
    }
}
