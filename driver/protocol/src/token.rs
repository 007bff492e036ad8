//! Tokens: the Rtl*NonVolatile* family on regions of files, from user mode.

use crate::{FileRange, MAX_RANGES, wire::wire};
use core::mem::size_of;
use zerocopy::{FromBytes, IntoBytes};

/// The most bytes of one [`WriteToken`].
pub const MAX_WRITE: usize = 1 << 20;

/// The most bytes of one [`FillTokenRequest`].
pub const MAX_FILL: u64 = 256 << 20;

/// Bits of a token flush's `flags`, as FLUSH_NV_MEMORY_IN_FLAG_*.
pub mod flush_flag {
    /// Do not wait; [`Ioctl::DrainToken`](crate::Ioctl::DrainToken) does.
    pub const NO_DRAIN: u32 = 0x1;
}

/// Bits of a token write's or fill's `flags`, as WRITE_NV_MEMORY_FLAG_*. Without any the bytes are
/// stored, and dirty until the next commit.
pub mod write_flag {
    /// Store, flush, and drain unless `NO_DRAIN` says not to.
    pub const FLUSH: u32 = 0x1;
    /// Store past the caches, and drain.
    pub const NON_TEMPORAL: u32 = 0x2;
    /// Whichever of the two costs less.
    pub const PERSIST: u32 = FLUSH | NON_TEMPORAL;
    /// Do not wait. Means something with `FLUSH` alone: beside `NON_TEMPORAL` it is ignored, and
    /// refused without either.
    pub const NO_DRAIN: u32 = 0x100;
}

wire! {
    /// Makes a token for a region of a file.
    pub struct GetTokenRequest {
        /// The caller's handle to the file, opened with FILE_WRITE_DATA.
        pub file: u64,
        /// First byte.
        pub offset: u64,
        /// Bytes, at least 1, all of them within the file.
        pub length: u64,
    }

    /// A token, of the handle of the control device that it was made through: refused through
    /// others, and freed when that one is closed.
    pub struct TokenReply {
        /// Never used again.
        pub token: u64,
    }

    /// A request that needs a token and nothing else.
    pub struct TokenRequest {
        /// From [`TokenReply::token`].
        pub token: u64,
    }

    /// The fixed part of a [`FlushToken`] request; [`FileRange`]s follow.
    pub struct FlushTokenHeader {
        /// From [`TokenReply::token`].
        pub token: u64,
        /// Bits of [`flush_flag`].
        pub flags: u32,
        /// Ranges that follow, 1 to [`MAX_RANGES`].
        pub count: u32,
    }

    /// Answer to [`Ioctl::FlushToken`](crate::Ioctl::FlushToken).
    pub struct TokenFlushReply {
        /// Lines flushed.
        pub lines: u64,
    }

    /// The fixed part of a [`WriteToken`] request; the bytes follow.
    pub struct WriteTokenHeader {
        /// From [`TokenReply::token`].
        pub token: u64,
        /// Where in the file, within the token's region.
        pub offset: u64,
        /// Bits of [`write_flag`].
        pub flags: u32,
        /// Bytes that follow, 1 to [`MAX_WRITE`].
        pub length: u32,
    }

    /// Stores one value into a range.
    pub struct FillTokenRequest {
        /// From [`TokenReply::token`].
        pub token: u64,
        /// Where in the file, within the token's region.
        pub offset: u64,
        /// Bytes, 1 to [`MAX_FILL`].
        pub length: u64,
        /// Bits of [`write_flag`].
        pub flags: u32,
        /// The value, 0 to 255.
        pub value: u32,
    }
}

/// A parsed flush of ranges.
#[derive(Clone, Copy, Debug)]
pub struct FlushToken<'a> {
    /// The token.
    pub token: u64,
    /// Bits of [`flush_flag`].
    pub flags: u32,
    /// Offsets in the file; each non-empty and within what a file can hold.
    pub ranges: &'a [FileRange],
}

impl<'a> FlushToken<'a> {
    /// Checks a whole request: `None` if it is short, long, empty, if one range is empty or
    /// overflows, or if a flag is unknown.
    pub fn parse(input: &'a [u8]) -> Option<Self> {
        let (header, tail) = FlushTokenHeader::ref_from_prefix(input).ok()?;
        let ranges = <[FileRange]>::ref_from_bytes(tail).ok()?;
        let counted = usize::try_from(header.count).ok()? == ranges.len();
        let bounded = (1..=MAX_RANGES).contains(&ranges.len());
        let known = header.flags & !flush_flag::NO_DRAIN == 0;
        let valid = ranges.iter().all(FileRange::is_valid);
        (counted && bounded && known && valid).then_some(Self {
            token: header.token,
            flags: header.flags,
            ranges,
        })
    }

    /// Writes the request into `buffer` and returns its bytes, or `None` if the buffer is short or
    /// the ranges too many.
    pub fn encode<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let count = u32::try_from(self.ranges.len())
            .ok()
            .filter(|_| self.ranges.len() <= MAX_RANGES)?;
        let header = FlushTokenHeader {
            token: self.token,
            flags: self.flags,
            count,
        };
        header.write_to_prefix(buffer).ok()?;
        let end = size_of::<FlushTokenHeader>().checked_add(size_of_val(self.ranges))?;
        let body = buffer.get_mut(size_of::<FlushTokenHeader>()..end)?;
        self.ranges.write_to(body).ok()?;
        buffer.get(..end)
    }
}

/// A parsed write.
#[derive(Clone, Copy, Debug)]
pub struct WriteToken<'a> {
    /// The token.
    pub token: u64,
    /// Where in the file.
    pub offset: u64,
    /// Bits of [`write_flag`].
    pub flags: u32,
    /// The bytes; not empty.
    pub data: &'a [u8],
}

impl<'a> WriteToken<'a> {
    /// Checks a whole request: `None` if it is short, long or empty.
    pub fn parse(input: &'a [u8]) -> Option<Self> {
        let (header, data) = WriteTokenHeader::ref_from_prefix(input).ok()?;
        let counted = usize::try_from(header.length).ok()? == data.len();
        let bounded = (1..=MAX_WRITE).contains(&data.len());
        (counted && bounded).then_some(Self {
            token: header.token,
            offset: header.offset,
            flags: header.flags,
            data,
        })
    }

    /// Writes the request into `buffer` and returns its bytes, or `None` if the buffer is short or
    /// the data too long.
    pub fn encode<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let length = u32::try_from(self.data.len())
            .ok()
            .filter(|_| self.data.len() <= MAX_WRITE)?;
        let header = WriteTokenHeader {
            token: self.token,
            offset: self.offset,
            flags: self.flags,
            length,
        };
        header.write_to_prefix(buffer).ok()?;
        let end = size_of::<WriteTokenHeader>().checked_add(self.data.len())?;
        buffer
            .get_mut(size_of::<WriteTokenHeader>()..end)?
            .copy_from_slice(self.data);
        buffer.get(..end)
    }
}
