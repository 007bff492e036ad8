//! The token table: which slots are taken, and which token is valid.
//!
//! Free slots are found through a stack of freed ones, linked by index through `Slot::next`, and a
//! mark below which slots have been used before. Everything starts as zero, so a table in a
//! `static` costs no file space. The stack's head is `[ pops : 32 | index + 1 : 32 ]`; the count
//! keeps a pop from succeeding on a head that was popped and pushed back in between.

use crate::{Error, NvToken, method::Dispatch, range::Region, siphash::Key, token::Slot};
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
    /// of another table is foreign even if both have the same seed.
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

    /// The slot of a valid token, entered: the caller must leave it.
    pub(crate) fn enter(&self, token: NvToken) -> Result<&Slot, Error> {
        let slot = self
            .slots
            .get(token.index())
            .ok_or(Error::InvalidParameter)?;
        slot.enter(token)?;
        Ok(slot)
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
        let mut head = self.freed.load(Acquire);
        loop {
            let index = ((head & LINK_MASK) as usize).checked_sub(1)?;
            let next = u64::from(self.slots.get(index)?.next.load(Relaxed));
            let new = (head & !LINK_MASK).wrapping_add(ONE_POP) | next;
            // Acquire, here and above: `next` and the slot are as the one who pushed left them.
            match self
                .freed
                .compare_exchange_weak(head, new, Acquire, Acquire)
            {
                Ok(_) => return u16::try_from(index).ok(),
                Err(now) => head = now,
            }
        }
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
