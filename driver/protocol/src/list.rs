//! Lists: volumes, and the streams of a volume, a page at a time.

use crate::{ReplyHeader, wire::wire};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An output buffer of so many bytes has room for any record, whatever its name.
pub const LIST_BYTES: usize = 72 << 10;
/// The most cells of a [`DirtyLinesRequest`].
pub const MAX_CELLS: usize = 4096;
/// A time that never came.
pub const NEVER: u64 = u64::MAX;

/// Bits of [`VolumeRecord::flags`].
pub mod volume_flag {
    /// The filter came when files may have been mapped already.
    pub const ATTACHED_LATE: u32 = 1 << 0;
    /// The device has gone by surprise.
    pub const REMOVED: u32 = 1 << 1;
}

/// Bits of [`StreamRecord::flags`].
pub mod stream_flag {
    /// A program has mapped it for writing.
    pub const MAPPED: u32 = 1 << 0;
    /// Of those who mapped it somebody reports nothing, so that each commit takes all of it.
    pub const UNREPORTED: u32 = 1 << 1;
    /// The driver has a view of it.
    pub const VIEW: u32 = 1 << 2;
    /// It goes when its last handle is closed.
    pub const DELETE_PENDING: u32 = 1 << 3;
    /// All of it is dirty, as somebody stored nobody knows where.
    pub const ALL_DIRTY: u32 = 1 << 4;
}

wire! {
    /// Which volumes.
    pub struct ListRequest {
        /// 0 for the first page; else the `id` of the last record of the page before.
        pub after: u64,
    }

    /// Which streams.
    pub struct StreamsRequest {
        /// [`VolumeRecord::id`].
        pub volume: u64,
        /// 0 for the first page; else the `id` of the last record of the page before.
        pub after: u64,
    }

    /// A volume; its name follows.
    pub struct VolumeRecord {
        /// Bytes of this record, the name and what fills it up to a multiple of 8 included.
        pub size: u32,
        /// Bytes of the name, which is UTF-16.
        pub name_bytes: u32,
        /// Names the volume as long as the filter is attached to it.
        pub id: u64,
        /// Bits of [`volume_flag`].
        pub flags: u32,
        /// Streams being tracked.
        pub streams: u32,
        /// Lines that are dirty now.
        pub dirty_lines: u64,
        /// Bytes of tracking memory in use now.
        pub tracking_bytes: u64,
        /// Bytes of tracking memory.
        pub tracking_limit: u64,
        /// Commits that succeeded.
        pub commits: u64,
        /// Commits that failed.
        pub failed_commits: u64,
        /// Lines that commits flushed.
        pub lines: u64,
    }

    /// A stream; its name follows, empty if the file system would not tell it.
    pub struct StreamRecord {
        /// Bytes of this record, the name and what fills it up to a multiple of 8 included.
        pub size: u32,
        /// Bytes of the name, which is UTF-16.
        pub name_bytes: u32,
        /// Names the stream as long as it is tracked.
        pub id: u64,
        /// Bits of [`stream_flag`].
        pub flags: u32,
        /// Handles that are open, as far as the filter has seen them opened.
        pub handles: u32,
        /// Dirty logs that are open.
        pub logs: u32,
        /// How the last commit ended: an NTSTATUS, 0 for success and if there was none.
        pub last_status: i32,
        /// Lines that are dirty now.
        pub dirty_lines: u64,
        /// Bytes of it that the driver has mapped, or 0.
        pub view_bytes: u64,
        /// Write requests recorded.
        pub writes: u64,
        /// Commits that succeeded.
        pub commits: u64,
        /// Commits that failed.
        pub failed_commits: u64,
        /// Lines that commits flushed.
        pub lines: u64,
        /// Since the last commit ended, in units of 100 ns, or [`NEVER`].
        pub last_commit_age: u64,
        /// For how long it ran, in units of 100 ns.
        pub last_commit_time: u64,
        /// Lines that it flushed.
        pub last_commit_lines: u64,
    }

    /// How many lines are dirty in each part of a file.
    pub struct DirtyLinesRequest {
        /// The caller's handle to the file, opened with FILE_WRITE_DATA.
        pub file: u64,
        /// First byte, a multiple of 64.
        pub offset: u64,
        /// Bytes of one cell, a multiple of 64.
        pub cell_bytes: u64,
        /// Cells, 1 to [`MAX_CELLS`].
        pub cells: u32,
        /// Must be 0.
        pub reserved: u32,
    }
}

/// A record of a list.
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Copy {
    /// Bytes of the record with its name, and of the name.
    fn sizes(&self) -> (u32, u32);
    /// Sets what [`Self::sizes`] returns.
    fn set_sizes(&mut self, size: u32, name_bytes: u32);
}

macro_rules! records {
    ($($name:ident),*) => {
        $(impl Record for $name {
            fn sizes(&self) -> (u32, u32) {
                (self.size, self.name_bytes)
            }
            fn set_sizes(&mut self, size: u32, name_bytes: u32) {
                self.size = size;
                self.name_bytes = name_bytes;
            }
        })*
    };
}
records!(VolumeRecord, StreamRecord);

/// Bytes of a record with a name of so many.
pub const fn record_bytes<R: Record>(name_bytes: usize) -> usize {
    (size_of::<R>() + name_bytes).next_multiple_of(8)
}

/// The records of an answer, with their names as UTF-16 bytes. Ends at the first that is not whole.
pub fn records<R: Record>(answer: &[u8]) -> impl Iterator<Item = (R, &[u8])> {
    let header = ReplyHeader::read_from_prefix(answer).ok();
    let (count, mut rest) = match header {
        Some((header, rest)) => (header.count, rest),
        None => (0, answer),
    };
    (0..count).map_while(move |_| {
        let (record, _) = R::read_from_prefix(rest).ok()?;
        let (size, name_bytes) = record.sizes();
        let (size, name_bytes) = (
            usize::try_from(size).ok()?,
            usize::try_from(name_bytes).ok()?,
        );
        let (whole, after) = rest.split_at_checked(size)?;
        let name = whole.get(size_of::<R>()..)?.get(..name_bytes)?;
        rest = after;
        Some((record, name))
    })
}
