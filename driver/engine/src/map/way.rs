//! The way to a leaf: found, or made where there is none.

use super::{DirtyMap, LEAF_LINES, MAX_HEIGHT, mark::set_bit, slot_of};
use crate::{
    Reserve,
    reserve::{Directory, Link},
    sync::{AtomicU64, Ordering::SeqCst, fence},
};
use core::borrow::Borrow;

/// Where a way leads.
pub(super) enum Way {
    /// To a leaf, which can be marked.
    Leaf,
    /// To where all is dirty.
    Dirty,
    /// Nowhere yet: a node on it is being given back.
    Busy,
}

impl Way {
    /// Whether nothing has to be marked any more; nothing if it has to be seen again.
    pub fn is_done(&self) -> Option<bool> {
        match self {
            Self::Leaf => Some(false),
            Self::Dirty => Some(true),
            Self::Busy => None,
        }
    }
}

/// A directory that the way goes through: the entry and the link that lead to it, and which of its
/// entries is next.
struct Step<'a> {
    entry: &'a AtomicU64,
    link: Link,
    directory: Directory<'a>,
    slot: usize,
}

/// The directories of a way, from the root down.
#[derive(Default)]
struct Steps<'a> {
    steps: [Option<Step<'a>>; MAX_HEIGHT],
    count: usize,
}

impl<'a> Steps<'a> {
    fn push(&mut self, step: Step<'a>) {
        if let Some(place) = self.steps.get_mut(self.count) {
            *place = Some(step);
            self.count = self.count.saturating_add(1);
        }
    }

    fn upwards(&self) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().rev().flatten()
    }

    /// Does `work` while all of these directories stay where they are: the last one is pinned, and a
    /// directory with something below it is not given back. Nothing if they were elsewhere already.
    fn pinned<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let Some(last) = self.upwards().next() else {
            return Some(work());
        };
        if !last.directory.state.pin() {
            return None;
        }
        let still = |step: &Step<'_>| step.entry.load(SeqCst) == step.link.0;
        let done = self.upwards().all(still).then(work);
        last.directory.state.unpin();
        done
    }
}

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Makes what is missing on the way to a line's leaf; where there is no memory for it, all below
    /// becomes dirty.
    pub(super) fn make_way(&self, line: u64) -> Way {
        let leaf = line / LEAF_LINES;
        let mut steps = Steps::default();
        let Some((mut entry, mut height)) = self.top_of(leaf) else {
            return Way::Busy;
        };
        loop {
            let mut link = Link(entry.load(SeqCst));
            if link == Link::NONE {
                match steps.pinned(|| self.make(entry, height)) {
                    Some(made) => link = made,
                    None => return Way::Busy,
                }
            }
            if link == Link::ALL {
                return believe_all(entry, &steps);
            }
            if height == 0 {
                return Way::Leaf;
            }
            let slot = slot_of(leaf, height);
            let directory = self.reserve().directory(link);
            let Some((_, directory)) = directory else {
                return Way::Busy;
            };
            let Some(next) = directory.entries.get(slot) else {
                return Way::Busy;
            };
            steps.push(Step {
                entry,
                link,
                directory,
                slot,
            });
            (entry, height) = (next, height.saturating_sub(1));
        }
    }

    /// Links a new node, or ALL, into an empty entry. Returns what is there then.
    fn make(&self, entry: &AtomicU64, height: u32) -> Link {
        let fresh = if height == 0 {
            self.take_leaf()
        } else {
            self.take_directory()
        };
        let link = fresh.unwrap_or(Link::ALL);
        match entry.compare_exchange(Link::NONE.0, link.0, SeqCst, SeqCst) {
            Ok(_) => {
                if fresh.is_none() {
                    self.reserve().note_coarse_mark();
                }
                link
            }
            Err(winner) => {
                if let Some(index) = fresh.and_then(Link::index) {
                    if height == 0 {
                        self.give_leaf(index);
                    } else {
                        self.give_directory(index);
                    }
                }
                Link(winner)
            }
        }
    }

    /// Sets the summary bits that lead to a leaf, from below; fails if there is no way there.
    pub(super) fn set_directories(&self, leaf: u64) -> bool {
        let top = self.top_of(leaf);
        top.is_some_and(|(entry, height)| self.set_below(entry, leaf, height))
    }

    /// The depth of recursion is the height.
    fn set_below(&self, entry: &AtomicU64, leaf: u64, height: u32) -> bool {
        let Some(below) = height.checked_sub(1) else {
            return true;
        };
        let directory = self.reserve().directory(Link(entry.load(SeqCst)));
        let slot = slot_of(leaf, height);
        directory.is_some_and(|(_, directory)| {
            let next = directory.entries.get(slot);
            let set = next.is_some_and(|next| self.set_below(next, leaf, below));
            set_bit(&directory.state.summary, slot);
            set
        })
    }
}

/// An entry said that all is dirty below it.
fn believe_all(entry: &AtomicU64, steps: &Steps<'_>) -> Way {
    let believed = steps.pinned(|| {
        // What was stored before this mark must be visible before ALL is believed: a collector that
        // takes ALL later then flushes it.
        fence(SeqCst);
        let all = entry.load(SeqCst) == Link::ALL.0;
        for step in steps.upwards() {
            set_bit(&step.directory.state.summary, step.slot);
        }
        all
    });
    if believed == Some(true) {
        Way::Dirty
    } else {
        Way::Busy
    }
}
