//! The tracked regions of the process, found by address without a lock: it is a fault's handler that
//! looks for them.

use super::tracked::Region;
use std::{
    ptr::null_mut,
    sync::{
        Mutex, PoisonError,
        atomic::{
            AtomicPtr, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

/// The most views that are tracked at a time.
pub const MAX_REGIONS: usize = 256;

struct Slot {
    /// Where the region may be; the region itself says where it is.
    base: AtomicUsize,
    end: AtomicUsize,
    /// Handlers that may be using the region.
    readers: AtomicUsize,
    region: AtomicPtr<Region>,
}

static SLOTS: [Slot; MAX_REGIONS] = [const {
    Slot {
        base: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        readers: AtomicUsize::new(0),
        region: AtomicPtr::new(null_mut()),
    }
}; MAX_REGIONS];

static REGISTERING: Mutex<()> = Mutex::new(());

/// A region that faults find; dropped, it is found no more.
pub struct Registered {
    slot: &'static Slot,
    region: *mut Region,
}

// SAFETY: the region is Send and Sync; the pointer only owns it.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

impl Registered {
    /// Gives the region back if there are too many already.
    pub fn new(region: Box<Region>) -> Result<Self, Box<Region>> {
        let _one_at_a_time = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
        let free = SLOTS.iter().find(|slot| slot.region.load(SeqCst).is_null());
        let Some(slot) = free else {
            return Err(region);
        };
        slot.base.store(region.base(), Relaxed);
        slot.end.store(region.end(), Relaxed);
        let region = Box::into_raw(region);
        slot.region.store(region, SeqCst);
        Ok(Self { slot, region })
    }

    pub fn region(&self) -> &Region {
        // SAFETY: owned by self until it is dropped, and only ever shared.
        unsafe { &*self.region }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.slot.region.store(null_mut(), SeqCst);
        // A handler counts itself before it loads the pointer, so it either finds none or is seen.
        while self.slot.readers.load(SeqCst) != 0 {
            std::thread::yield_now();
        }
        // SAFETY: from Box::into_raw; no handler has it, and none can find it.
        drop(unsafe { Box::from_raw(self.region) });
    }
}

/// A store to `address` faulted: whether the page is ours and now writable. Async-signal-safe.
pub fn note_fault(address: usize) -> bool {
    SLOTS.iter().any(|slot| {
        let may_be = slot.base.load(Relaxed) <= address && address < slot.end.load(Relaxed);
        may_be && slot.note_fault(address)
    })
}

impl Slot {
    fn note_fault(&self, address: usize) -> bool {
        self.readers.fetch_add(1, SeqCst);
        let region = self.region.load(SeqCst);
        // SAFETY: not null means registered, and its owner waits for the readers.
        let noted = unsafe { region.as_ref() }.is_some_and(|region| region.note(address));
        self.readers.fetch_sub(1, SeqCst);
        noted
    }
}
