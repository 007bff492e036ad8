//! What several threads need of a set that one thread can use.

use super::{Recorder, Store};
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub struct Locked<T>(Mutex<T>);

impl<T> Locked<T> {
    fn inner(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Recorder> Recorder for Locked<T> {
    #[inline]
    fn record(&mut self, store: &Store) {
        // By a shared reference, as another thread would.
        let shared = &self.0;
        shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(store);
    }

    fn empty(&mut self) {
        self.inner().empty();
    }

    #[cfg(test)]
    fn take(&mut self) -> Vec<std::ops::Range<u64>> {
        self.inner().take()
    }
}
