//! The place of a stream's view, which is taken out while it is used.
//!
//! Touching a view can fault, and a fault can wait for the file system's locks. The conflict callback
//! runs with those held, so nothing that it waits for may be held across a flush: the view is taken
//! out of its place instead, and whoever wants it closed meanwhile leaves word.

use super::views::Lease;
use crate::nt::{push_lock::PushLock, view::View, wait};
use core::sync::atomic::{AtomicBool, Ordering};

/// How long somebody who needs a view closed waits for a flush that uses it, at least a millisecond
/// each. A flush uses it for less, unless it waits for what the caller holds.
const PATIENCE: u32 = 50;

/// A view and its share of what may be mapped at once.
pub struct LeasedView {
    // Before the lease: first unmapped, then accounted.
    pub view: View,
    pub _lease: Lease,
}

#[derive(Default)]
struct Place {
    view: Option<LeasedView>,
    /// The view is out, being used.
    busy: bool,
    /// It is to be closed when it comes back.
    unwanted: bool,
}

/// Lock order: a leaf; nothing is called with the lock held.
pub struct ViewSlot {
    place: PushLock<Place>,
    /// Used since somebody last asked.
    recent: AtomicBool,
}

impl ViewSlot {
    pub const fn new() -> Self {
        Self {
            place: PushLock::new(Place {
                view: None,
                busy: false,
                unwanted: false,
            }),
            recent: AtomicBool::new(false),
        }
    }

    pub fn initialize(&self) {
        self.place.initialize();
    }

    /// Takes the view out for use, for the one committer of the stream; without one the place counts
    /// as in use all the same, for a view that is about to be made. Ended by [`Self::put`] or
    /// [`Self::end_use`].
    pub fn begin_use(&self) -> Option<LeasedView> {
        self.recent.store(true, Ordering::Relaxed);
        let mut place = self.place.exclusive();
        place.busy = true;
        place.view.take()
    }

    /// Ends a use from which no view comes back.
    pub fn end_use(&self) {
        let mut place = self.place.exclusive();
        place.busy = false;
        place.unwanted = false;
    }

    /// Puts a view into its place, unless it is unwanted or in conflict: then it is closed.
    pub fn put(&self, view: LeasedView) {
        let mut place = self.place.exclusive();
        // The conflict callback marks the section before it looks here, so it either finds the view
        // in its place or is seen now.
        if place.unwanted || view.view.is_in_conflict() {
            drop(place);
            drop(view);
            self.end_use();
        } else {
            place.busy = false;
            place.view = Some(view);
        }
    }

    /// Closes the view if it is there, or has it closed when it comes back; whether it is closed.
    pub fn close(&self) -> bool {
        let mut place = self.place.exclusive();
        place.unwanted = place.busy;
        let (view, closed) = (place.view.take(), !place.busy);
        drop(place);
        drop(view);
        closed
    }

    /// Closes a view whose conflict came at an IRQL too high to close it then.
    pub fn close_if_in_conflict(&self) {
        let mut place = self.place.exclusive();
        let conflict = |leased: &mut LeasedView| leased.view.is_in_conflict();
        let view = place.view.take_if(conflict);
        drop(place);
        drop(view);
    }

    /// Closes the view, and waits a while for who uses it.
    pub fn close_soon(&self) {
        for _ in 0..PATIENCE {
            if self.close() {
                return;
            }
            wait::one_millisecond();
        }
    }

    /// The end of the mapped file in bytes, if the view is there.
    pub fn end(&self) -> Option<u64> {
        let place = self.place.shared();
        place.view.as_ref().map(|leased| leased.view.end())
    }

    /// Whether the view was used since the last call.
    pub fn was_used(&self) -> bool {
        self.recent.swap(false, Ordering::Relaxed)
    }
}
