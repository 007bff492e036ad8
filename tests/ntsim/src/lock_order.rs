//! The order in which threads acquire locks of any kind: two orders are a deadlock that has not happened
//! yet.

use crate::calls;
use ntsim_machine::image::symbolize;
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

thread_local! {
    /// What the thread holds, oldest first.
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// For each lock the locks that were acquired while it was held, and where that was first done.
#[derive(Default)]
pub struct LockOrder {
    after: HashMap<usize, HashMap<usize, Option<usize>>>,
}

/// Makes the calling thread one that holds nothing, until [`put_back`].
pub fn set_aside() -> Vec<usize> {
    HELD.take()
}

pub fn put_back(held: Vec<usize>) {
    HELD.set(held);
}

/// How many locks the calling thread holds.
pub fn held() -> usize {
    HELD.with_borrow(Vec::len)
}

/// Forgets what the calling thread has acquired beyond so many locks.
pub fn forget_beyond(count: usize) {
    HELD.with_borrow_mut(|held| held.truncate(count));
}

/// What the calling thread holds, oldest first.
pub fn held_locks() -> Vec<usize> {
    HELD.with_borrow(Clone::clone)
}

pub fn acquired(lock: usize) {
    HELD.with_borrow_mut(|held| held.push(lock));
}

pub fn released(lock: usize) {
    HELD.with_borrow_mut(|held| {
        if let Some(at) = held.iter().rposition(|other| *other == lock) {
            held.remove(at);
        }
    });
}

impl LockOrder {
    /// The calling thread is about to wait for a lock. Says what is wrong with that, once for each
    /// pair of locks.
    pub fn acquiring(&mut self, lock: usize) -> Option<String> {
        HELD.with_borrow(|held| {
            let mut found = None;
            for before in held.iter().filter(|before| **before != lock) {
                let after = self.after.entry(*before).or_default();
                let new = !after.contains_key(&lock);
                after.entry(lock).or_insert_with(calls::caller);
                if new && let Some(path) = self.path(lock, *before) {
                    let this = self.describe(&[*before, lock]);
                    let other = self.describe(&path);
                    found = Some(format!("acquired {this}, and elsewhere {other}"));
                }
            }
            found
        })
    }

    /// A way from one lock to another along recorded orders.
    fn path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut seen = HashSet::from([from]);
        let mut paths = vec![vec![from]];
        while let Some(path) = paths.pop() {
            let last = *path.last()?;
            for next in self.after.get(&last).into_iter().flat_map(HashMap::keys) {
                let longer = || path.iter().copied().chain([*next]).collect();
                if *next == to {
                    return Some(longer());
                }
                if seen.insert(*next) {
                    paths.push(longer());
                }
            }
        }
        None
    }

    /// The locks in order, each with where it was acquired while the one before was held.
    fn describe(&self, locks: &[usize]) -> String {
        let name = |(index, lock): (usize, &usize)| {
            let before = locks.get(index.wrapping_sub(1));
            let caller = before.and_then(|before| *self.after.get(before)?.get(lock)?);
            let place = caller.and_then(symbolize);
            place.map_or(format!("{lock:#x}"), |place| format!("{lock:#x} ({place})"))
        };
        let names: Vec<String> = locks.iter().enumerate().map(name).collect();
        names.join(" then ")
    }

    pub fn forget(&mut self, lock: usize) {
        self.after.remove(&lock);
        for after in self.after.values_mut() {
            after.remove(&lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(order: &mut LockOrder, locks: &[usize]) -> Vec<String> {
        let mut found = Vec::new();
        for lock in locks {
            found.extend(order.acquiring(*lock));
            acquired(*lock);
        }
        locks.iter().for_each(|lock| released(*lock));
        assert_eq!(held(), 0);
        found
    }

    #[test]
    fn two_orders_are_reported_once() {
        let mut order = LockOrder::default();
        assert!(take(&mut order, &[1, 2]).is_empty());
        assert!(take(&mut order, &[1, 2]).is_empty());
        let wrong = take(&mut order, &[2, 1]);
        assert_eq!(wrong, ["acquired 0x2 then 0x1, and elsewhere 0x1 then 0x2"]);
        assert!(take(&mut order, &[2, 1]).is_empty());
    }

    #[test]
    fn a_cycle_of_three_is_found() {
        let mut order = LockOrder::default();
        assert!(take(&mut order, &[1, 2]).is_empty());
        assert!(take(&mut order, &[2, 3]).is_empty());
        let wrong = take(&mut order, &[3, 1]);
        assert_eq!(
            wrong,
            ["acquired 0x3 then 0x1, and elsewhere 0x1 then 0x2 then 0x3"]
        );
    }

    #[test]
    fn a_deleted_lock_has_no_order() {
        let mut order = LockOrder::default();
        assert!(take(&mut order, &[1, 2]).is_empty());
        order.forget(2);
        assert!(take(&mut order, &[2, 1]).is_empty());
    }
}
