//! What the driver answers.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Answer to [`Ioctl::Version`](crate::Ioctl::Version).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VersionReply {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION) of the driver.
    pub protocol: u32,
    /// Driver version: major, minor and patch number.
    pub driver: [u16; 3],
    /// The flush instruction in use: 0 none needed, 1 CLFLUSH, 2 CLFLUSHOPT, 3 CLWB, 4 DC CVAC,
    /// 5 DC CVAP, 6 DC CVADP.
    pub method: u16,
    /// Bytes that one flush instruction covers.
    pub line_size: u32,
    /// The most ranges that one [`MarkDirty`](crate::MarkDirty) may carry.
    pub max_ranges: u32,
}

/// Counters since the driver was loaded; answer to [`Ioctl::Statistics`](crate::Ioctl::Statistics).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Statistics {
    /// Write requests recorded.
    pub writes: u64,
    /// Ranges reported through [`MarkDirty`](crate::MarkDirty).
    pub reports: u64,
    /// Commits that succeeded, those that found nothing dirty included.
    pub commits: u64,
    /// Commits that failed; their lines stayed dirty.
    pub failed_commits: u64,
    /// Maximal runs of dirty lines that commits flushed.
    pub ranges: u64,
    /// Batches of ranges that commits flushed.
    pub batches: u64,
    /// Lines that commits flushed.
    pub lines: u64,
    /// Of [`lines`](Self::lines), those flushed because tracking had become coarse.
    pub coarse_lines: u64,
    /// Drains that commits executed.
    pub drains: u64,
    /// Lines that are dirty now, over all streams.
    pub dirty_lines: u64,
    /// Streams being tracked now.
    pub streams: u64,
    /// Views of streams mapped now.
    pub views: u64,
    /// Commits that another caller's commit had done already.
    pub joined_commits: u64,
    /// Entries taken from dirty logs.
    pub log_entries: u64,
    /// Dirty logs that overflowed or held what is no range, so that all of their file became dirty.
    pub log_overflows: u64,
    /// Marks that covered more than was stored, for want of a node of tracking memory.
    pub coarse_marks: u64,
    /// Requests refused because they could not be tracked.
    pub refused: u64,
    /// Views closed to make room for others.
    pub evicted_views: u64,
    /// Sections closed because the file system asked for it.
    pub section_conflicts: u64,
    /// Sections or views that could not be made when a commit needed them.
    pub view_failures: u64,
    /// Bytes of files that views map now.
    pub view_bytes: u64,
    /// Bytes of tracking memory in use now, over all volumes.
    pub tracking_bytes: u64,
    /// Bytes of tracking memory, over all volumes.
    pub tracking_limit: u64,
}

/// Answer to [`Ioctl::Commit`](crate::Ioctl::Commit).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CommitReply {
    /// Maximal runs of dirty lines flushed.
    pub ranges: u64,
    /// Lines flushed.
    pub lines: u64,
}
