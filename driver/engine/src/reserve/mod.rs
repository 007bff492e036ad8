//! Preallocated nodes for dirty maps.

mod node;
mod pool;

pub(crate) use node::{Directory, FANOUT, GROUP, LEAF_WORDS, Leaf, LeafState, Link, State, Words};

use crate::sync::{AtomicU64, Ordering::Relaxed};
use alloc::collections::TryReserveError;
use node::{DirectoryState, Entries};
use pool::Pool;

/// Nodes for all dirty maps of a volume, allocated once; taking and giving back is lock-free.
///
/// Leaves and directories are never one another's memory: a marker who comes too late may set a bit
/// in a leaf that is used elsewhere by then, and must not set it in a link.
pub struct Reserve {
    leaves: Pool<LeafState, LEAF_WORDS>,
    directories: Pool<DirectoryState, FANOUT>,
    /// Marks that covered more than was stored.
    coarse: AtomicU64,
}

impl Reserve {
    /// Bytes of a leaf with a directory.
    pub const NODE_BYTES: usize = LEAF_BYTES + DIRECTORY_BYTES;

    /// A reserve of `count` leaves of about 4 KiB, and as many directories of about 0.5 KiB.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn with_nodes(count: u32) -> Result<Self, TryReserveError> {
        Ok(Self {
            leaves: Pool::with(count)?,
            directories: Pool::with(count)?,
            coarse: AtomicU64::new(0),
        })
    }

    /// Leaves and directories in all.
    pub fn nodes(&self) -> u32 {
        self.leaves.count().saturating_add(self.directories.count())
    }

    /// Leaves and directories not in use.
    pub fn free_nodes(&self) -> u32 {
        self.leaves.free().saturating_add(self.directories.free())
    }

    /// Bytes of the nodes in all.
    pub fn bytes(&self) -> u64 {
        bytes(self.leaves.count(), self.directories.count())
    }

    /// Bytes of the nodes in use.
    pub fn used_bytes(&self) -> u64 {
        bytes(self.leaves.used(), self.directories.used())
    }

    /// Marks so far that covered more than was stored, for want of a node or of time.
    pub fn coarse_marks(&self) -> u64 {
        self.coarse.load(Relaxed)
    }

    pub(crate) fn note_coarse_mark(&self) {
        self.coarse.fetch_add(1, Relaxed);
    }

    /// Nodes of either kind that one map may have: three quarters, so that no stream takes all of a
    /// volume's.
    pub fn share_of_one_map(&self) -> u32 {
        let count = self.leaves.count();
        count.saturating_sub(count / 4)
    }

    /// Whether nodes that are not needed now should be given back: when more than an eighth is in
    /// use, so that what streams keep for their next commit stays below that.
    pub(crate) fn is_scarce(&self) -> bool {
        let eighth = self.leaves.count() / 8;
        self.leaves.used() > eighth || self.directories.used() > eighth
    }

    /// A leaf's words. (Asked for one by one, both parts of a node stay in registers.)
    #[inline]
    pub(crate) fn words(&self, link: Link) -> Option<&Words> {
        self.leaves.words(link.index()?)
    }

    #[inline]
    pub(crate) fn leaf_state(&self, link: Link) -> Option<&LeafState> {
        self.leaves.state(link.index()?)
    }

    #[inline]
    pub(crate) fn entries(&self, link: Link) -> Option<&Entries> {
        self.directories.words(link.index()?)
    }

    #[inline]
    pub(crate) fn directory_state(&self, link: Link) -> Option<&DirectoryState> {
        self.directories.state(link.index()?)
    }

    #[inline]
    pub(crate) fn leaf(&self, link: Link) -> Option<(u32, Leaf<'_>)> {
        let index = link.index()?;
        Some((index, self.leaf_at(index)?))
    }

    #[inline]
    pub(crate) fn leaf_at(&self, index: u32) -> Option<Leaf<'_>> {
        let (words, state) = (self.leaves.words(index)?, self.leaves.state(index)?);
        Some(Leaf { words, state })
    }

    #[inline]
    pub(crate) fn directory(&self, link: Link) -> Option<(u32, Directory<'_>)> {
        let (index, entries) = (link.index()?, self.entries(link)?);
        let state = self.directory_state(link)?;
        Some((index, Directory { entries, state }))
    }

    /// Takes a clean leaf, and a link to it.
    pub(crate) fn take_leaf(&self) -> Option<Link> {
        let index = self.leaves.take()?;
        // Not when it is given back: who comes too late may mark it until now.
        self.leaf_at(index)?.wipe();
        Some(Link::to(index))
    }

    /// Takes an empty directory, and a link to it.
    pub(crate) fn take_directory(&self) -> Option<Link> {
        let index = self.directories.take()?;
        let (_, directory) = self.directory(Link::to(index))?;
        directory.wipe();
        directory.state.open();
        Some(Link::to(index))
    }

    /// Gives back a leaf that is linked nowhere, in a generation that began since, with no summary.
    pub(crate) fn give_leaf(&self, index: u32) {
        self.leaves.give(index);
    }

    /// Gives back a directory that is linked nowhere.
    pub(crate) fn give_directory(&self, index: u32) {
        if let Some(state) = self.directories.state(index) {
            state.shut();
            self.directories.give(index);
        }
    }
}

const LEAF_BYTES: usize = size_of::<Words>() + size_of::<LeafState>();
const DIRECTORY_BYTES: usize = size_of::<Entries>() + size_of::<DirectoryState>();

fn bytes(leaves: u32, directories: u32) -> u64 {
    let leaves = u64::from(leaves).saturating_mul(LEAF_BYTES as u64);
    let directories = u64::from(directories).saturating_mul(DIRECTORY_BYTES as u64);
    leaves.saturating_add(directories)
}
