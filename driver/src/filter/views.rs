//! How many views there may be at once, and how much they may map. Whoever needs another makes the
//! one go that was not used for longest, nearly: a clock.

use super::{STATISTICS, stream::Stream};
use crate::{
    nt::{push_lock::PushLock, shared::Shared, status::NtStatus},
    settings::SETTINGS,
};
use alloc::vec::Vec;

/// Lock order: a leaf.
static VIEWS: PushLock<Views> = PushLock::new(Views {
    members: Vec::new(),
    hand: 0,
    count: 0,
    bytes: 0,
});

struct Views {
    members: Vec<Option<Member>>,
    /// Where the search for one to go continues.
    hand: usize,
    count: usize,
    bytes: u64,
}

struct Member {
    stream: Shared<Stream>,
    bytes: u64,
}

/// A place among the views; given back when dropped. IRQL <= APC_LEVEL.
pub struct Lease {
    index: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut views = VIEWS.exclusive();
        let member = views.members.get_mut(self.index).and_then(Option::take);
        if let Some(member) = &member {
            views.count = views.count.saturating_sub(1);
            views.bytes = views.bytes.saturating_sub(member.bytes);
        }
        drop(views);
        // May free the stream, which calls the file system.
        drop(member);
    }
}

pub fn initialize() {
    VIEWS.initialize();
}

pub fn discard() {
    // A static is never dropped, so what it has allocated is given back by hand.
    drop(core::mem::take(&mut VIEWS.exclusive().members));
    VIEWS.delete();
}

/// Views that are open, and the bytes of files that they map.
pub fn totals() -> (u64, u64) {
    let views = VIEWS.shared();
    (views.count as u64, views.bytes)
}

/// Makes room for a view of `bytes` of the stream, closing others if there is none. IRQL
/// PASSIVE_LEVEL.
///
/// # Errors
/// RETRY if every other view is being used, and INSUFFICIENT_RESOURCES.
pub fn lease(stream: &Shared<Stream>, bytes: u64) -> Result<Lease, NtStatus> {
    // Twice round: the first turn only takes away the chance of those used lately. There may be more
    // of them than are allowed now.
    let places = VIEWS.shared().members.len().max(SETTINGS.max_views());
    let turns = places.saturating_mul(2).saturating_add(1);
    for _ in 0..turns {
        let mut views = VIEWS.exclusive();
        if views.has_room(bytes) {
            return views.add(stream.clone(), bytes);
        }
        let candidate = views.next();
        drop(views);
        let Some(candidate) = candidate else { break };
        if !core::ptr::eq(&raw const *candidate, &raw const **stream)
            && !candidate.view.was_used()
            && candidate.view.close()
        {
            STATISTICS.evicted_views.one();
        }
    }
    Err(NtStatus::RETRY)
}

/// Closes what is more than is allowed, after the limits were changed; a view that is being used goes
/// when it comes back. IRQL PASSIVE_LEVEL, with no lock held.
pub fn shrink() {
    let places = VIEWS.shared().members.len();
    for _ in 0..places {
        let mut views = VIEWS.exclusive();
        let candidate = if views.is_over() { views.next() } else { None };
        drop(views);
        let Some(candidate) = candidate else { break };
        if candidate.view.close() {
            STATISTICS.evicted_views.one();
        }
    }
}

impl Views {
    fn is_over(&self) -> bool {
        let bytes = self.bytes > SETTINGS.max_view_bytes() && self.count > 1;
        bytes || self.count > SETTINGS.max_views()
    }

    fn has_room(&self, bytes: u64) -> bool {
        // One view is always allowed: a window is as small as it gets.
        let fits = self.bytes.saturating_add(bytes) <= SETTINGS.max_view_bytes();
        self.count < SETTINGS.max_views() && (fits || self.count == 0)
    }

    fn add(&mut self, stream: Shared<Stream>, bytes: u64) -> Result<Lease, NtStatus> {
        let free = self.members.iter().position(Option::is_none);
        let index = free.unwrap_or(self.members.len());
        if free.is_none() {
            self.members
                .try_reserve(1)
                .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
            self.members.push(None);
        }
        let place = self.members.get_mut(index);
        *place.ok_or(NtStatus::INSUFFICIENT_RESOURCES)? = Some(Member { stream, bytes });
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(Lease { index })
    }

    /// The next member round the clock.
    fn next(&mut self) -> Option<Shared<Stream>> {
        let length = self.members.len();
        for _ in 0..length {
            let at = self.hand.checked_rem(length)?;
            self.hand = at.saturating_add(1);
            if let Some(Some(member)) = self.members.get(at) {
                return Some(member.stream.clone());
            }
        }
        None
    }
}
