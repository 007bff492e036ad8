//! The token table: which slots are taken, and which token is valid.
//!
//! Free slots are found through a stack of freed ones, linked by index through `Slot::next`, and a
//! mark below which slots have been used before. Everything starts as zero, so a table in a
//! `static` costs no file space. The stack's head is `[ pops : 32 | index + 1 : 32 ]`; the count
//! keeps a pop from succeeding on a head that was popped and pushed back in between.

use crate::{
    Error, NvToken,
    method::Dispatch,
    range::Region,
    siphash::Key,
    slot::{Entry, Slot},
};
use core::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

const LINK_MASK: u64 = 0xFFFF_FFFF;
const ONE_POP: u64 = 1 << 32;

#[derive(Debug)]
pub(crate) struct TokenTable<const SLOTS: usize> {
    freed: AtomicU64,
    used: AtomicUsize,
    key: [AtomicU64; 2],
    slots: [Slot; SLOTS],
}

impl<const SLOTS: usize> TokenTable<SLOTS> {
    pub(crate) const fn new() -> Self {
        // An index of 0xFFFF would make the default token a possible token.
        const { assert!(SLOTS > 0 && SLOTS <= 0xFFFF, "SLOTS must be 1 to 65,535") };
        Self {
            freed: AtomicU64::new(0),
            used: AtomicUsize::new(0),
            key: [const { AtomicU64::new(0) }; 2],
            slots: [const { Slot::new() }; SLOTS],
        }
    }

    /// Sets the key of the check values. It is unlike the key of every other table, so that a token
    /// of another table is foreign even if both have the same seed. A change of the key leaves
    /// tokens valid: their tags are compared, not computed again.
    pub(crate) fn seed(&self, seed: u64) {
        static TABLES: AtomicU64 = AtomicU64::new(0);
        let [first, second] = &self.key;
        first.store(seed, Relaxed);
        second.store(TABLES.fetch_add(1, Relaxed) ^ seed.rotate_left(32), Relaxed);
    }

    fn key(&self) -> Key {
        let [first, second] = &self.key;
        [first.load(Relaxed), second.load(Relaxed)]
    }

    /// Takes a slot for the region.
    pub(crate) fn insert(&self, region: Region, dispatch: Dispatch) -> Result<NvToken, Error> {
        let index = self
            .pop()
            .or_else(|| self.take_unused())
            .ok_or(Error::InsufficientResources)?;
        let slot = self
            .slots
            .get(usize::from(index))
            .ok_or(Error::InsufficientResources)?;
        Ok(slot.publish(index, self.key(), region, dispatch))
    }

    /// Begins a use of a valid token.
    #[inline]
    pub(crate) fn enter(&self, token: NvToken) -> Result<Entry<'_>, Error> {
        self.slots
            .get(token.index())
            .ok_or(Error::InvalidParameter)?
            .enter(token)
    }

    /// Makes a token invalid, waits for its users, and gives its slot back.
    pub(crate) fn remove(&self, token: NvToken, wait: impl FnMut()) -> Result<(), Error> {
        let slot = self
            .slots
            .get(token.index())
            .ok_or(Error::InvalidParameter)?;
        slot.retire(token, wait)?;
        self.push(token.index() as u16, slot);
        Ok(())
    }

    pub(crate) fn live(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_live()).count()
    }

    fn pop(&self) -> Option<u16> {
        // Acquire, twice: `next` and the slot are as the one who pushed left them.
        let mut head = self.freed.load(Acquire);
        loop {
            let (index, new) = self.below(head)?;
            match self
                .freed
                .compare_exchange_weak(head, new, Acquire, Acquire)
            {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    /// The top of the stack with this head, and the head after its pop.
    fn below(&self, head: u64) -> Option<(u16, u64)> {
        let index = u16::try_from((head & LINK_MASK).checked_sub(1)?).ok()?;
        let next = u64::from(self.slots.get(usize::from(index))?.next.load(Relaxed));
        Some((index, (head & !LINK_MASK).wrapping_add(ONE_POP) | next))
    }

    fn push(&self, index: u16, slot: &Slot) {
        let link = u64::from(index).wrapping_add(1);
        let mut head = self.freed.load(Relaxed);
        loop {
            slot.next.store((head & LINK_MASK) as u32, Relaxed);
            let new = head & !LINK_MASK | link;
            match self
                .freed
                .compare_exchange_weak(head, new, Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn take_unused(&self) -> Option<u16> {
        let next = |used: usize| (used < SLOTS).then(|| used.wrapping_add(1));
        let index = self.used.fetch_update(Relaxed, Relaxed, next).ok()?;
        u16::try_from(index).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Method};

    /// Between the two halves of a pop, others pop twice and push the first back: the link that
    /// the first half read is stale, so the second half must fail.
    #[test]
    fn interrupted_pop_does_not_bring_back_a_taken_slot() {
        let table = TokenTable::<2>::new();
        let features = Features::new(Method::BY_PREFERENCE, 64);
        let dispatch = Dispatch::choose(&features).expect("a method");
        let region = Region::new(64, 64).expect("a region");
        let get = || table.insert(region, dispatch).expect("a free slot");
        for token in [get(), get()] {
            table.remove(token, || {}).expect("a valid token");
        }
        let head = table.freed.load(Relaxed);
        let (top, new) = table.below(head).expect("two free slots");
        let (first, _second) = (get(), get());
        assert_eq!(first.index(), usize::from(top));
        table.remove(first, || {}).expect("a valid token");
        assert!(
            table
                .freed
                .compare_exchange(head, new, Acquire, Relaxed)
                .is_err()
        );
        assert_eq!(get().index(), usize::from(top));
        assert_eq!(
            table.insert(region, dispatch),
            Err(Error::InsufficientResources)
        );
    }
}
