//! Push locks (nf-fltkernel-fltinitializepushlock): reader-writer locks, never recursive.

use crate::{
    kernel::Kernel,
    lock_order,
    lock_order::LockOrder,
    schedule::{self, Wait},
    thread,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Condvar, Mutex},
    thread::ThreadId,
    time::Duration,
};

/// How long a wait may last before it is reported as a deadlock.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct PushLocks {
    locks: Mutex<HashMap<usize, Lock>>,
    released: Condvar,
    order: Mutex<LockOrder>,
}

#[derive(Default)]
struct Lock {
    writer: Option<ThreadId>,
    readers: HashSet<ThreadId>,
}

impl Kernel {
    pub fn initialize_push_lock(&self, address: usize) {
        self.forget_order(address);
        let mut locks = self.push_locks.locks.lock().expect("push locks");
        if locks
            .insert(address, Lock::default())
            .is_some_and(|lock| lock.is_held())
        {
            drop(locks);
            self.violation("push lock", "a lock that is held was initialized");
        }
    }

    pub fn delete_push_lock(&self, address: usize) {
        self.forget_order(address);
        let removed = self
            .push_locks
            .locks
            .lock()
            .expect("push locks")
            .remove(&address);
        match removed {
            None => self.violation("push lock", "a lock was deleted that was not initialized"),
            Some(lock) if lock.is_held() => {
                self.violation("push lock", "a lock was deleted while held");
            }
            Some(_) => {}
        }
    }

    pub fn acquire_push_lock(&self, address: usize, exclusive: bool) {
        let me = std::thread::current().id();
        self.check_order(address);
        let mut locks = self.push_locks.locks.lock().expect("push locks");
        loop {
            let Some(lock) = locks.get_mut(&address) else {
                drop(locks);
                self.violation("push lock", "a lock was acquired that was not initialized");
                return;
            };
            if lock.writer == Some(me) || lock.readers.contains(&me) {
                self.fatal("push lock", "acquired by a thread that holds it: a hang");
            }
            if lock.writer.is_none() && (!exclusive || lock.readers.is_empty()) {
                if exclusive {
                    lock.writer = Some(me);
                } else {
                    lock.readers.insert(me);
                }
                lock_order::acquired(address);
                return;
            }
            if schedule::baton().is_some() {
                drop(locks);
                schedule::wait(Wait::PushLock(address), || {
                    let held = lock_order::held_locks();
                    format!("push lock {address:#x}, exclusive: {exclusive}, holding {held:#x?}")
                });
                locks = self.push_locks.locks.lock().expect("push locks");
                continue;
            }
            let (guard, timeout) = self
                .push_locks
                .released
                .wait_timeout(locks, PATIENCE)
                .expect("push locks");
            if timeout.timed_out() {
                self.fatal("push lock", "not released: a deadlock");
            }
            locks = guard;
        }
    }

    pub fn release_push_lock(&self, address: usize) {
        let me = std::thread::current().id();
        let mut locks = self.push_locks.locks.lock().expect("push locks");
        let held = locks.get_mut(&address).is_some_and(|lock| lock.release(me));
        drop(locks);
        self.push_locks.released.notify_all();
        schedule::wake(Wait::PushLock(address));
        lock_order::released(address);
        if !held {
            self.violation(
                "push lock",
                "a lock was released by a thread that does not hold it",
            );
        }
    }

    /// Before a wait, so that an order that would deadlock is reported also where it does.
    pub(crate) fn check_order(&self, address: usize) {
        if !self.options.checks {
            return;
        }
        let cycle = {
            let mut order = self.push_locks.order.lock().expect("lock order");
            order.acquiring(address)
        };
        if let Some(detail) = cycle {
            self.violation("lock order", &detail);
        }
    }

    /// An address is another lock's from now on.
    pub(crate) fn forget_order(&self, address: usize) {
        lock_order::released(address);
        let mut order = self.push_locks.order.lock().expect("lock order");
        order.forget(address);
    }

    /// Memory goes, and the locks in it.
    pub(crate) fn push_locks_go_with(&self, start: usize, size: usize) {
        let gone: Vec<(usize, Lock)> = {
            let mut locks = self.push_locks.locks.lock().expect("push locks");
            let inside = |address: &usize| (start..start + size).contains(address);
            let addresses: Vec<usize> = locks.keys().copied().filter(inside).collect();
            let removed = addresses.into_iter();
            removed
                .filter_map(|address| Some((address, locks.remove(&address)?)))
                .collect()
        };
        for (address, lock) in gone {
            self.forget_order(address);
            let detail = if lock.is_held() {
                "memory was freed with a lock in it that is held"
            } else {
                "memory was freed with a lock in it that was not deleted"
            };
            self.violation("push lock", detail);
        }
    }

    /// Reports locks that were not deleted, and those still held.
    pub fn check_push_locks(&self) {
        let left = self.push_locks.locks.lock().expect("push locks").len();
        if left != 0 {
            self.violation("push lock leak", &format!("{left} locks were not deleted"));
        }
        debug_assert_eq!(thread::irql(), thread::PASSIVE_LEVEL);
    }
}

impl Lock {
    fn is_held(&self) -> bool {
        self.writer.is_some() || !self.readers.is_empty()
    }

    fn release(&mut self, thread: ThreadId) -> bool {
        if self.writer == Some(thread) {
            self.writer = None;
            return true;
        }
        self.readers.remove(&thread)
    }
}
