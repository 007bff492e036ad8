//! Preallocated nodes for dirty maps.

use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};
use alloc::{collections::TryReserveError, vec::Vec};

/// Entries of a directory node, and words of a leaf.
pub(crate) const FANOUT: usize = if cfg!(feature = "model") { 64 } else { 512 };
/// Summary words of a node: one bit for each entry.
pub(crate) const SUMMARIES: usize = FANOUT / 64;

/// The bit of [`Node::pins`] that keeps markers out of a directory whose leaves are given back.
const CLOSED: u32 = 1 << 31;

/// A leaf (512 words of 64 lines) or a directory (512 entries).
pub(crate) struct Node {
    pub words: [AtomicU64; FANOUT],
    /// Bit `i` is set if word `i` may be dirty. Markers set words first, collectors clear summaries
    /// first, so a word that was marked is never without its bit for longer than its marker runs.
    pub summary: [AtomicU64; SUMMARIES],
    /// Markers at work below this directory, if its entries are leaves, and [`CLOSED`]. A marker
    /// that comes with an index that is out of date is counted for a moment too, also while the node
    /// is free or used elsewhere.
    pins: AtomicU32,
    /// Index + 1 of the next free node.
    next: AtomicU32,
}

impl Node {
    const fn new() -> Self {
        Self {
            words: [const { AtomicU64::new(0) }; FANOUT],
            summary: [const { AtomicU64::new(0) }; SUMMARIES],
            pins: AtomicU32::new(CLOSED),
            next: AtomicU32::new(0),
        }
    }

    /// Keeps the directory and its leaves from being given back until [`Self::unpin`]; fails if that
    /// is under way.
    pub fn pin(&self) -> bool {
        let open = self.pins.fetch_add(1, SeqCst) & CLOSED == 0;
        if !open {
            self.unpin();
        }
        open
    }

    pub fn unpin(&self) {
        self.pins.fetch_sub(1, SeqCst);
    }

    /// Keeps markers out, unless one is in.
    pub fn close(&self) -> bool {
        self.pins
            .compare_exchange(0, CLOSED, SeqCst, SeqCst)
            .is_ok()
    }

    pub fn open(&self) {
        self.pins.fetch_and(!CLOSED, SeqCst);
    }

    pub fn has_summary(&self) -> bool {
        self.summary.iter().any(|word| word.load(SeqCst) != 0)
    }

    fn clear(&self) {
        for word in self.words.iter().chain(&self.summary) {
            word.store(0, Relaxed);
        }
    }
}

/// Nodes for all dirty maps of a volume, allocated once; taking and giving back is lock-free.
pub struct Reserve {
    nodes: Vec<Node>,
    /// `[ takes : 32 | index + 1 : 32 ]` of the first free node. The count keeps a take from
    /// succeeding on a head that was taken and given back in between.
    head: AtomicU64,
    free: AtomicU32,
    /// Marks that covered more than was stored.
    coarse: AtomicU64,
}

impl Reserve {
    /// Bytes of a node.
    pub const NODE_BYTES: usize = size_of::<Node>();

    /// A reserve of `count` nodes of about 4 KiB.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn with_nodes(count: u32) -> Result<Self, TryReserveError> {
        let mut nodes = Vec::new();
        nodes.try_reserve_exact(count as usize)?;
        nodes.resize_with(count as usize, Node::new);
        let reserve = Self {
            nodes,
            head: AtomicU64::new(0),
            free: AtomicU32::new(0),
            coarse: AtomicU64::new(0),
        };
        (0..count).rev().for_each(|index| reserve.push(index));
        Ok(reserve)
    }

    /// Nodes in all.
    pub fn nodes(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Nodes not in use.
    pub fn free_nodes(&self) -> u32 {
        self.free.load(Relaxed)
    }

    /// Marks so far that covered more than was stored, for want of a node or of time.
    pub fn coarse_marks(&self) -> u64 {
        self.coarse.load(Relaxed)
    }

    pub(crate) fn note_coarse_mark(&self) {
        self.coarse.fetch_add(1, Relaxed);
    }

    /// Nodes that one map may have: three quarters, so that no stream takes all of a volume's.
    pub fn share_of_one_map(&self) -> u32 {
        self.nodes().saturating_sub(self.nodes() / 4)
    }

    /// Whether nodes that are not needed now should be given back: when more than an eighth is in
    /// use, so that what streams keep for their next commit stays below that.
    pub(crate) fn is_scarce(&self) -> bool {
        self.nodes().saturating_sub(self.free_nodes()) > self.nodes() / 8
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)
    }

    /// Takes a node; all of its words and summaries are zero.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut head = self.head.load(Acquire);
        loop {
            let index = (head as u32).checked_sub(1)?;
            let node = self.get(index)?;
            let takes = (head >> 32).wrapping_add(1) << 32;
            let new = takes | u64::from(node.next.load(Relaxed));
            match self.head.compare_exchange_weak(head, new, AcqRel, Acquire) {
                Ok(_) => {
                    self.free.fetch_sub(1, Relaxed);
                    node.open();
                    return Some(index);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Gives back a node that nothing refers to, whatever is in it. Markers may still come by with
    /// its index; they find it closed, or belonging to another place.
    pub(crate) fn give(&self, index: u32) {
        if let Some(node) = self.get(index) {
            node.pins.fetch_or(CLOSED, SeqCst);
            node.clear();
            self.push(index);
        }
    }

    fn push(&self, index: u32) {
        let Some(node) = self.get(index) else { return };
        self.free.fetch_add(1, Relaxed);
        let mut head = self.head.load(Relaxed);
        loop {
            node.next.store(head as u32, Relaxed);
            let new = (head >> 32 << 32) | u64::from(index).wrapping_add(1);
            match self.head.compare_exchange_weak(head, new, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}
