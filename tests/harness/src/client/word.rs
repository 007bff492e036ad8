//! The atomic word that the lock-free parts are made of.

use std::sync::atomic::{AtomicU64, Ordering};

/// Operations of [`AtomicU64`], so that a model checker's atomics can stand in for it.
pub trait Word: Send + Sync {
    /// A word that holds `value`.
    fn new(value: u64) -> Self;
    /// Reads it.
    fn load(&self, order: Ordering) -> u64;
    /// Replaces it.
    fn store(&self, value: u64, order: Ordering);
    /// Replaces it and returns what it held.
    fn swap(&self, value: u64, order: Ordering) -> u64;
    /// Sets bits and returns what it held.
    fn fetch_or(&self, bits: u64, order: Ordering) -> u64;
    /// Adds, wrapping around, and returns what it held.
    fn fetch_add(&self, value: u64, order: Ordering) -> u64;
}

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.swap(value, order)
    }

    fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        self.fetch_or(bits, order)
    }

    fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.fetch_add(value, order)
    }
}
