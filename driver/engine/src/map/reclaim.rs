//! Giving clean leaves and their directories back to the reserve, while markers go on.
//!
//! A marker pins the directory above the leaf that it marks in; closing the directory fails if a
//! marker is inside and keeps others out, so what is clean then stays clean until it is unlinked. A
//! marker that holds an index from before finds the directory closed, or no longer linked where it
//! came from, and looks again. Closed is short: leaves are unlinked a few at a time, and wiped after
//! the directory is open again. Directories further up stay until the map is dropped: one for 512 GiB.

use super::{AtomicU64, DirtyMap, Node, Reserve, child};
use crate::{
    mistake::{self, Mistake},
    sync::Ordering::SeqCst,
};
use core::borrow::Borrow;

/// Leaves unlinked while their directory is closed once.
const BATCH: usize = 16;

/// Leaves that are no longer linked.
#[derive(Default)]
struct Unlinked {
    leaves: [Option<u32>; BATCH],
    count: usize,
    /// There may be more.
    full: bool,
    /// An entry of the directory is in use.
    in_use: bool,
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Gives back the clean leaves of the directory that `entry` links, and the directory itself if
    /// nothing is left in it. For the one collector.
    pub(super) fn reclaim(&self, entry: &AtomicU64, index: u32, directory: &Node) {
        loop {
            let early = mistake::made(Mistake::EarlyLeafReuse);
            if !early && !directory.close() {
                return;
            }
            let unlinked = self.unlink_clean(directory);
            let empty = !unlinked.in_use && !unlinked.full && !directory.has_summary();
            let link = u64::from(index).wrapping_add(1);
            let gone = empty && entry.compare_exchange(link, 0, SeqCst, SeqCst).is_ok();
            if !gone {
                directory.open();
            }
            let leaves = unlinked.leaves.iter().flatten();
            leaves.for_each(|leaf| self.give(*leaf));
            if gone {
                self.give(index);
            }
            if gone || !unlinked.full {
                return;
            }
        }
    }

    fn unlink_clean(&self, directory: &Node) -> Unlinked {
        let mut unlinked = Unlinked::default();
        for word in &directory.words {
            let value = word.load(SeqCst);
            let Some((leaf, node)) = child(self.reserve(), value) else {
                unlinked.in_use |= value != 0;
                continue;
            };
            if node.has_summary() {
                unlinked.in_use = true;
                continue;
            }
            let Some(place) = unlinked.leaves.get_mut(unlinked.count) else {
                unlinked.full = true;
                break;
            };
            word.store(0, SeqCst);
            *place = Some(leaf);
            unlinked.count = unlinked.count.saturating_add(1);
        }
        unlinked
    }
}
