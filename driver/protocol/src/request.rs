//! Reports and commits.

use crate::wire::wire;
use core::mem::size_of;
use zerocopy::{FromBytes, IntoBytes};

/// The most ranges that one [`MarkDirty`] may carry.
pub const MAX_RANGES: usize = 4096;

/// Bits of [`CommitRequest::flags`].
pub mod commit_flag {
    /// Begin the write-back and do not wait. Nothing is promised until
    /// [`Ioctl::Drain`](crate::Ioctl::Drain) through the same handle, or a later commit of the
    /// stream by anybody, has succeeded.
    pub const NO_DRAIN: u32 = 1 << 0;
}

wire! {
    /// Bytes `offset..offset + length` of a file.
    pub struct FileRange {
        /// First byte.
        pub offset: u64,
        /// Number of bytes.
        pub length: u64,
    }

    /// Makes a stream, or a range of it, durable.
    pub struct CommitRequest {
        /// The caller's handle to the file, opened with FILE_WRITE_DATA.
        pub file: u64,
        /// What to commit; a length of 0 with an offset of 0 means the whole stream.
        pub range: FileRange,
        /// Bits of [`commit_flag`].
        pub flags: u32,
        /// Must be 0.
        pub reserved: u32,
    }

    /// Answer to [`Ioctl::Commit`](crate::Ioctl::Commit).
    pub struct CommitReply {
        /// Maximal runs of dirty lines flushed.
        pub ranges: u64,
        /// Lines flushed.
        pub lines: u64,
        /// For how long it ran, in units of 100 ns.
        pub time: u64,
    }

    /// Answer to [`Ioctl::Drain`](crate::Ioctl::Drain).
    pub struct DrainReply {
        /// Streams whose commits without a drain are durable now.
        pub streams: u64,
    }

    /// The fixed part of a [`MarkDirty`] request; [`FileRange`]s follow.
    pub struct MarkDirtyHeader {
        /// The caller's handle to the file, opened with FILE_WRITE_DATA.
        pub file: u64,
        /// Number of ranges that follow, 1 to [`MAX_RANGES`].
        pub count: u32,
        /// Must be 0.
        pub reserved: u32,
    }
}

impl FileRange {
    /// The first byte after the range, or `None` if that is past what a file can hold (2^63 - 1).
    pub fn end(&self) -> Option<u64> {
        self.offset
            .checked_add(self.length)
            .filter(|end| *end <= i64::MAX as u64)
    }

    /// Whether it is not empty and within what a file can hold.
    pub fn is_valid(&self) -> bool {
        self.length != 0 && self.end().is_some()
    }
}

/// A parsed report of stores made through a mapped view.
#[derive(Clone, Copy, Debug)]
pub struct MarkDirty<'a> {
    /// The caller's handle to the file.
    pub file: u64,
    /// The ranges stored to; each non-empty and within what a file can hold.
    pub ranges: &'a [FileRange],
}

impl<'a> MarkDirty<'a> {
    /// Checks a whole request before anything acts on it: `None` if it is short, long, empty, or
    /// if one range is empty or overflows.
    pub fn parse(input: &'a [u8]) -> Option<Self> {
        let (header, tail) = MarkDirtyHeader::ref_from_prefix(input).ok()?;
        let ranges = <[FileRange]>::ref_from_bytes(tail).ok()?;
        let counted = usize::try_from(header.count).ok()? == ranges.len();
        let bounded = (1..=MAX_RANGES).contains(&ranges.len());
        let valid = ranges.iter().all(FileRange::is_valid);
        (counted && bounded && valid && header.reserved == 0).then_some(Self {
            file: header.file,
            ranges,
        })
    }

    /// Writes the request for `file` and `ranges` into `buffer`, replacing what it held.
    ///
    /// Returns the request's bytes, or `None` if the buffer is short or the ranges too many.
    pub fn encode<'b>(file: u64, ranges: &[FileRange], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let count = u32::try_from(ranges.len())
            .ok()
            .filter(|_| ranges.len() <= MAX_RANGES)?;
        let header = MarkDirtyHeader {
            file,
            count,
            reserved: 0,
        };
        header.write_to_prefix(buffer).ok()?;
        let end = size_of::<MarkDirtyHeader>().checked_add(size_of_val(ranges))?;
        let body = buffer.get_mut(size_of::<MarkDirtyHeader>()..end)?;
        ranges.write_to(body).ok()?;
        buffer.get(..end)
    }
}
