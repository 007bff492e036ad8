//! Giving clean leaves and their directories back to the reserve, while markers go on.
//!
//! A leaf is unlinked first and looked at then: a mark that counts is seen by now, and the others will
//! be made again elsewhere. A directory goes when nothing is below it. Whoever makes something below
//! pins it; closing it fails if somebody has and keeps others out, and whoever comes with a link from
//! before finds it closed, or no longer linked where it came from, and looks again.

use super::{DirtyMap, LEAF_LINES, ahead::unlink};
use crate::{
    Reserve,
    reserve::Link,
    sync::{AtomicU64, Ordering::SeqCst},
};
use core::borrow::Borrow;

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Gives back what is clean right below the directory that `entry` links and that starts at line
    /// `start`, and the directory itself if nothing is left in it. For the one collector.
    pub(super) fn reclaim(&self, entry: &AtomicU64, height: u32, start: u64) {
        let link = Link(entry.load(SeqCst));
        let Some((index, directory)) = self.reserve().directory(link) else {
            return;
        };
        if height == 1 {
            let mut first = start;
            for below in directory.entries {
                self.reclaim_leaf(below, first);
                first = first.saturating_add(LEAF_LINES);
            }
        }
        if !directory.is_empty() || !directory.state.close() {
            return;
        }
        if directory.is_empty()
            && entry
                .compare_exchange(link.0, Link::NONE.0, SeqCst, SeqCst)
                .is_ok()
        {
            self.give_directory(index);
        } else {
            directory.state.open();
        }
    }

    /// Gives back the leaf at line `first` that an entry links, if it is clean. For the one collector.
    pub(super) fn reclaim_leaf(&self, entry: &AtomicU64, first: u64) {
        let link = Link(entry.load(SeqCst));
        if let Some((index, leaf)) = self.reserve().leaf(link)
            && leaf.state.get().summary() == 0
        {
            self.put_back_leaf(index, first, unlink(entry, &leaf));
        }
    }
}
