//! How locks end: released, deleted, or freed with the memory that they are in.

use super::Kind;
use crate::{kernel::Kernel, lock_order};

impl Kernel {
    /// The level to go back to is none if the lock was not held by the thread.
    pub fn release_lock(&self, address: usize, kind: Kind) -> Option<u8> {
        let mut objects = self.locks.lock();
        let object = objects.get_mut(&address);
        let released = object
            .filter(|object| object.kind == kind)
            .and_then(|object| object.give_up().map(|last| (last, object.irql)));
        drop(objects);
        let Some((last, irql)) = released else {
            let detail = format!(
                "{} was released by a thread that does not hold it",
                kind.name()
            );
            self.violation("lock", &detail);
            return None;
        };
        if last {
            lock_order::released(address);
            self.locks.changed.notify_all();
        }
        Some(irql)
    }

    /// Notes the level that the thread had before it acquired a lock.
    pub fn note_lock_irql(&self, address: usize, irql: u8) {
        if let Some(object) = self.locks.lock().get_mut(&address) {
            object.irql = irql;
        }
    }

    /// nf-wdm-exdeleteresourcelite
    pub fn delete_resource(&self, address: usize) {
        let removed = self.locks.lock().remove(&address);
        self.forget_order(address);
        match removed.filter(|object| object.kind == Kind::Resource) {
            None => self.violation("lock", "a resource was deleted that was not initialized"),
            Some(object) if object.is_held() => {
                self.violation("lock", "a resource was deleted that is held");
            }
            Some(_) => {}
        }
    }

    /// Memory goes, and what is in it.
    pub fn locks_go_with(&self, start: usize, size: usize) {
        let gone: Vec<_> = {
            let mut objects = self.locks.lock();
            let inside = |address: &usize| (start..start + size).contains(address);
            let addresses: Vec<usize> = objects.keys().copied().filter(inside).collect();
            let removed = addresses.into_iter();
            removed
                .filter_map(|address| Some((address, objects.remove(&address)?)))
                .collect()
        };
        for (address, object) in gone {
            self.forget_order(address);
            let name = object.kind.name();
            if object.is_held() {
                let detail = format!("memory was freed with {name} in it that is held");
                self.violation("lock", &detail);
            } else if object.kind == Kind::Resource {
                let detail = "memory was freed with a resource in it that was not deleted";
                self.violation("lock", detail);
            }
        }
        self.push_locks_go_with(start, size);
    }

    /// Reports resources that were not deleted, when the driver is gone. What has no deletion ends
    /// with its memory.
    pub fn check_locks(&self) {
        let left = {
            let mut objects = self.locks.lock();
            let resources = objects
                .values()
                .filter(|object| object.kind == Kind::Resource);
            let left = resources.count();
            objects.clear();
            left
        };
        if left != 0 {
            let detail = format!("{left} resources were not deleted");
            self.violation("lock leak", &detail);
        }
    }
}
