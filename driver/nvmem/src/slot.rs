//! The slot behind a token: who may use it, and when its memory may go away.
//!
//! A slot's `tag` is that of the token which is valid now, 0 if none is. A user claims a seat, looks
//! at the tag, and is in if it is his; whoever frees the token clears the tag, looks at the
//! seats, and waits until each has been empty once. All four steps are sequentially consistent: of a
//! user and of one who frees at the same time at least one sees the other.
//!
//! A seat belongs to one user at a time, who leaves it by a plain store. (A locked instruction there
//! would wait for everything that he has flushed, even where nobody asked to: on some processors
//! that is most of the time of a flush of many lines.) Who finds no seat stands: is counted.

use crate::{
    Error,
    method::Dispatch,
    range::Region,
    siphash::Key,
    token::{self, NvToken},
};
use core::sync::atomic::{
    AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, Release, SeqCst},
};

const SEATS: usize = 16;

/// One entry of the token table. All zero is a slot without a token.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Slot {
    tag: AtomicU64,
    base: AtomicUsize,
    end: AtomicUsize,
    dispatch: AtomicU64,
    generation: AtomicU64,
    /// Link of the free list; see `table.rs`.
    pub(crate) next: AtomicU32,
    standing: AtomicU16,
    seats: [AtomicU8; SEATS],
}

const _: () = assert!(size_of::<Slot>() == 64, "a slot is a cache line");

/// A use of a slot's token, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    slot: &'a Slot,
    /// Nothing for one who stands.
    seat: Option<&'a AtomicU8>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            tag: AtomicU64::new(0),
            base: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            dispatch: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            next: AtomicU32::new(0),
            standing: AtomicU16::new(0),
            seats: [const { AtomicU8::new(0) }; SEATS],
        }
    }

    /// Makes a token for the region. The caller has taken the slot from the free list: it has no
    /// token.
    pub(crate) fn publish(
        &self,
        index: u16,
        key: Key,
        region: Region,
        dispatch: Dispatch,
    ) -> NvToken {
        let generation = self.generation.load(Relaxed).wrapping_add(1);
        self.generation.store(generation, Relaxed);
        self.base.store(region.base(), Relaxed);
        self.end.store(region.end(), Relaxed);
        self.dispatch.store(dispatch.to_bits(), Relaxed);
        let tag = token::tag(key, index, generation);
        // Release: whoever finds the tag finds the region.
        self.tag.store(tag, Release);
        NvToken::new(tag, index)
    }

    /// Becomes a user of the slot if the token is valid.
    #[inline]
    pub(crate) fn enter(&self, token: NvToken) -> Result<Entry<'_>, Error> {
        self.enter_after(token, || ())
    }

    /// [`Slot::enter`]; `others` is what others do between the first look and the claim.
    #[inline]
    fn enter_after(&self, token: NvToken, others: impl FnOnce()) -> Result<Entry<'_>, Error> {
        let tag = token.tag().ok_or(Error::InvalidParameter)?;
        // A wrong token changes nothing.
        if self.tag.load(Relaxed) != tag {
            return Err(Error::InvalidParameter);
        }
        others();
        let entry = self.claim()?;
        if self.tag.load(SeqCst) == tag {
            Ok(entry)
        } else {
            Err(Error::InvalidParameter)
        }
    }

    #[inline]
    fn claim(&self) -> Result<Entry<'_>, Error> {
        let is_mine = |seat: &&AtomicU8| {
            seat.load(Relaxed) == 0 && seat.compare_exchange(0, 1, SeqCst, Relaxed).is_ok()
        };
        let seat = self.seats.iter().find(is_mine);
        if seat.is_none() {
            self.standing
                .fetch_update(SeqCst, Relaxed, |standing| standing.checked_add(1))
                .map_err(|_| Error::InsufficientResources)?;
        }
        Ok(Entry { slot: self, seat })
    }

    /// Makes the token invalid, then waits until its last user has left.
    pub(crate) fn retire(&self, token: NvToken, mut wait: impl FnMut()) -> Result<(), Error> {
        let tag = token.tag().ok_or(Error::InvalidParameter)?;
        self.tag
            .compare_exchange(tag, 0, SeqCst, Relaxed)
            .map_err(|_| Error::InvalidParameter)?;
        for seat in &self.seats {
            while seat.load(SeqCst) != 0 {
                wait();
            }
        }
        while self.standing.load(SeqCst) != 0 {
            wait();
        }
        Ok(())
    }

    /// Whether the slot has a token.
    pub(crate) fn is_live(&self) -> bool {
        self.tag.load(Relaxed) != 0
    }
}

impl Entry<'_> {
    /// The region and how to flush it: both stay as they are as long as somebody uses the token.
    #[inline]
    pub(crate) fn contents(&self) -> (Region, Dispatch) {
        let slot = self.slot;
        let region = Region::from_parts(slot.base.load(Relaxed), slot.end.load(Relaxed));
        (region, Dispatch::from_bits(slot.dispatch.load(Relaxed)))
    }
}

impl Drop for Entry<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: the flush comes before, for the one who waits in `retire`.
        match self.seat {
            Some(seat) => seat.store(0, Release),
            None => {
                self.slot.standing.fetch_sub(1, Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Features, Method};

    fn published(slot: &Slot) -> NvToken {
        let features = Features::new(Method::BY_PREFERENCE, 64);
        let dispatch = Dispatch::choose(&features).expect("a method");
        let region = Region::new(64, 64).expect("a region");
        slot.publish(3, [1, 2], region, dispatch)
    }

    /// Nobody sits when the token is freed, so the free does not wait; who comes then must see it.
    #[test]
    fn token_that_is_freed_between_the_look_and_the_claim_is_refused() {
        let slot = Slot::new();
        let token = published(&slot);
        let free = || slot.retire(token, || panic!("nobody sits")).expect("valid");
        let refused = slot.enter_after(token, free).map(drop);
        assert_eq!(refused, Err(Error::InvalidParameter));
        let other = published(&slot);
        assert_eq!(slot.enter(token).map(drop), Err(Error::InvalidParameter));
        assert!(slot.enter(other).is_ok());
        assert_eq!(slot.retire(other, || panic!("nobody sits")), Ok(()));
    }

    #[test]
    fn free_waits_for_those_who_sit_and_those_who_stand() {
        let slot = Slot::new();
        let token = published(&slot);
        let mut entries: std::vec::Vec<_> = (0..=SEATS)
            .map(|_| slot.enter(token).expect("room"))
            .collect();
        let mut waits = 0;
        let freed = slot.retire(token, || {
            waits += 1;
            entries.remove(0);
        });
        assert_eq!((freed, waits), (Ok(()), SEATS + 1));
    }
}
