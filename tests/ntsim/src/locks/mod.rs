//! Spin locks, executive resources, fast mutexes, mutexes and events: who holds them, and what must
//! not be done with them. Push locks are in `push_locks.rs`.

mod object;
mod release;

use crate::{kernel::Kernel, lock_order};
pub(crate) use object::{Kind, Object};
use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a wait without an end may last before it is a deadlock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a FAST_MUTEX has its event (ns-wdm-_fast_mutex).
const FAST_MUTEX_EVENT: usize = 0x18;

#[derive(Default)]
pub(crate) struct Locks {
    objects: Mutex<HashMap<usize, Object>>,
    changed: Condvar,
}

type Objects<'a> = MutexGuard<'a, HashMap<usize, Object>>;

impl Locks {
    fn lock(&self) -> Objects<'_> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel {
    /// An object is made where there may have been another.
    pub fn initialize_lock(&self, address: usize, new: Object) {
        let kind = new.kind;
        let old = self.locks.lock().insert(address, new);
        self.forget_order(address);
        if old.is_some_and(|old| old.is_held()) {
            let detail = format!("{} that is held was initialized", kind.name());
            self.violation("lock", &detail);
        }
    }

    /// Some objects are made by code that is compiled into the driver: a spin lock by a store of
    /// zero, a fast mutex by an initialized event in it.
    fn made_inline(objects: &mut HashMap<usize, Object>, address: usize, kind: Kind) {
        let there = match kind {
            // SAFETY: the driver's spin lock.
            Kind::Spin => unsafe { crate::nt::get::<u64>(address, 0) == 0 },
            Kind::FastMutex => {
                let event = objects.get(&(address + FAST_MUTEX_EVENT));
                event.is_some_and(|event| event.kind == Kind::Event)
            }
            _ => false,
        };
        if there {
            objects.entry(address).or_insert(Object::new(kind));
        }
    }

    /// Waits until the thread holds a lock; without patience if it is to be polled. False if it
    /// does not.
    pub fn acquire_lock(
        &self,
        address: usize,
        kind: Kind,
        exclusive: bool,
        patience: Option<Duration>,
    ) -> bool {
        let mut objects = self.locks.lock();
        Self::made_inline(&mut objects, address, kind);
        let Some(object) = objects.get(&address).filter(|object| object.kind == kind) else {
            drop(objects);
            let detail = format!("{} was acquired that was not initialized", kind.name());
            self.violation("lock", &detail);
            return false;
        };
        let again = object.is_mine();
        if again && !object.is_recursive(exclusive) {
            drop(objects);
            let detail = format!("{} was acquired that the thread holds: a hang", kind.name());
            self.fatal("lock", &detail);
        }
        if !again {
            drop(objects);
            self.check_order(address);
            objects = self.locks.lock();
        }
        let taken = self.wait(objects, address, patience, |object| object.take(exclusive));
        if taken && !again {
            lock_order::acquired(address);
        }
        taken
    }

    /// Waits until `take` succeeds, or the object is gone, or patience ends.
    fn wait(
        &self,
        mut objects: Objects<'_>,
        address: usize,
        patience: Option<Duration>,
        take: impl Fn(&mut Object) -> bool,
    ) -> bool {
        let begun = Instant::now();
        let limit = patience.map_or(PATIENCE, |time| time.min(PATIENCE));
        loop {
            let Some(object) = objects.get_mut(&address) else {
                return false;
            };
            if take(object) {
                return true;
            }
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(objects);
                if patience.is_none() {
                    self.fatal("lock", "a wait does not end: a deadlock");
                }
                return false;
            }
            let waited = self.locks.changed.wait_timeout(objects, left);
            objects = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// nf-wdm-kewaitforsingleobject: whether the object was had in time.
    pub fn wait_for_object(&self, address: usize, patience: Option<Duration>) -> bool {
        let kind = self.locks.lock().get(&address).map(|object| object.kind);
        match kind {
            Some(Kind::Mutex) => self.acquire_lock(address, Kind::Mutex, true, patience),
            Some(Kind::Event) => {
                let objects = self.locks.lock();
                self.wait(objects, address, patience, Object::take_signal)
            }
            _ => {
                let detail = "an object was waited for that was not initialized";
                self.violation("lock", detail);
                true
            }
        }
    }

    /// nf-wdm-kesetevent, nf-wdm-keclearevent: whether it was signaled.
    pub fn set_event(&self, address: usize, signaled: bool) -> bool {
        let mut objects = self.locks.lock();
        let event = objects.get_mut(&address);
        let Some(event) = event.filter(|object| object.kind == Kind::Event) else {
            drop(objects);
            self.violation("lock", "an event was set that was not initialized");
            return false;
        };
        let before = std::mem::replace(&mut event.signaled, signaled);
        drop(objects);
        self.locks.changed.notify_all();
        before
    }
}
