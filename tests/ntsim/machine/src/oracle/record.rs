//! Counters, log and probe of an oracle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::event::{Event, EventKind, Log, Observed};

/// Called for each event.
pub type Probe = dyn FnMut(&Event) + Send;

static AFTER: OnceLock<fn()> = OnceLock::new();

/// Sets what is called in all threads after each event and its probe, with nothing held: it may
/// block. Only the first call counts.
pub fn set_after_instruction(after: fn()) {
    // A second one would be as good as the first.
    let _ = AFTER.set(after);
}

#[derive(Default)]
pub(super) struct Recorder {
    next: AtomicU64,
    flushes: AtomicU64,
    foreign_flushes: AtomicU64,
    fences: AtomicU64,
    nt_stores: AtomicU64,
    log: Mutex<Log>,
    probe: Mutex<Option<Box<Probe>>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.observed().fmt(f)
    }
}

impl Recorder {
    /// Counts and logs an event, then calls the probe.
    pub fn record(&self, rip: usize, kind: EventKind) -> Event {
        self.count(&kind);
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let event = Event {
            seq,
            thread: crate::current_thread(),
            rip,
            kind,
        };
        let mut log = lock(&self.log);
        if log.events.len() < log.events.capacity() {
            log.events.push(event);
        } else {
            log.dropped += 1;
        }
        drop(log);
        if let Some(probe) = &mut *lock(&self.probe) {
            probe(&event);
        }
        if let Some(after) = AFTER.get() {
            after();
        }
        event
    }

    fn count(&self, kind: &EventKind) {
        let counter = match kind {
            EventKind::Flush { pmem: Some(_), .. } => &self.flushes,
            EventKind::Flush { pmem: None, .. } => &self.foreign_flushes,
            EventKind::Fence { .. } => &self.fences,
            EventKind::NtStore { .. } => &self.nt_stores,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn observed(&self) -> Observed {
        Observed {
            flushes: self.flushes.load(Ordering::Relaxed),
            foreign_flushes: self.foreign_flushes.load(Ordering::Relaxed),
            fences: self.fences.load(Ordering::Relaxed),
            nt_stores: self.nt_stores.load(Ordering::Relaxed),
        }
    }

    pub fn start_log(&self, capacity: usize) {
        *lock(&self.log) = Log {
            events: Vec::with_capacity(capacity),
            dropped: 0,
        };
    }

    pub fn take_log(&self) -> Log {
        std::mem::take(&mut *lock(&self.log))
    }

    pub fn set_probe(&self, probe: Option<Box<Probe>>) {
        *lock(&self.probe) = probe;
    }
}

/// A probe that panicked in one event is called again for the next.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
