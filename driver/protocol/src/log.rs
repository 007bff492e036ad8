//! The dirty log: memory that a program and the driver share, into which the program appends the
//! ranges it has stored to without a system call. A commit of the file drains it.
//!
//! A log is a ring with one producer. To append entry number `n` (from 0): wait until `n - head <
//! capacity`, store the range into slot `n % capacity`, then store `n + 1` to `tail` with release
//! ordering. If the ring is full, store 1 to `overflow` (release) instead: the next commit then takes
//! the whole file for dirty. The data itself must have been stored before, by the same thread or one
//! that it has synchronized with. A program whose threads store to one file gives each thread a log.
//! It opens them before it maps the file: what was stored before stands in no log, so the first commit
//! after opening one behind a mapping takes the whole file.
//!
//! The driver believes nothing that it reads here: whatever a program puts into its log can only make
//! more of its own file dirty.

use crate::{FileRange, wire::wire};

/// First bytes of a log.
pub const LOG_MAGIC: u32 = u32::from_le_bytes(*b"DLOG");
/// Fewest entries of a log.
pub const MIN_LOG_ENTRIES: u32 = 64;
/// Most entries of a log.
pub const MAX_LOG_ENTRIES: u32 = 1 << 16;

/// Offsets in a log, in bytes; each value is a little-endian 64-bit number in a cache line of its
/// own side.
pub mod log_layout {
    /// [`LOG_MAGIC`](super::LOG_MAGIC) (32 bits), then the capacity in entries (32 bits).
    pub const MAGIC: usize = 0;
    /// See [`MAGIC`].
    pub const CAPACITY: usize = 4;
    /// Entries appended since the start. Written by the program.
    pub const TAIL: usize = 64;
    /// Not 0: an entry did not fit. Set by the program, cleared by the driver.
    pub const OVERFLOW: usize = 72;
    /// Entries taken since the start. Written by the driver.
    pub const HEAD: usize = 128;
    /// The first slot; each is a [`FileRange`](super::FileRange).
    pub const ENTRIES: usize = 192;
}

/// Bytes of a log of `entries` slots.
pub const fn log_bytes(entries: u32) -> usize {
    log_layout::ENTRIES + entries as usize * size_of::<FileRange>()
}

wire! {
    /// Makes a log for a file; the answer is a [`LogReply`].
    pub struct CreateLogRequest {
        /// The caller's handle to the file, opened with FILE_WRITE_DATA.
        pub file: u64,
        /// Slots: a power of two from [`MIN_LOG_ENTRIES`] to [`MAX_LOG_ENTRIES`].
        pub entries: u32,
        /// Must be 0.
        pub reserved: u32,
    }

    /// A log, mapped into the caller's process until the caller unmaps it (UnmapViewOfFile).
    pub struct LogReply {
        /// Names the log in requests through the same handle of the control device, which owns it.
        pub log: u64,
        /// Where it is mapped.
        pub address: u64,
        /// Bytes mapped.
        pub bytes: u64,
    }

    /// Closes a log; what it holds is drained first. No answer.
    pub struct CloseLogRequest {
        /// From [`LogReply::log`].
        pub log: u64,
    }

    /// Maps a log once more, into another process that has the same handle of the control device
    /// (DuplicateHandle) and goes on appending in place of the first: there is one producer.
    pub struct AttachLogRequest {
        /// From [`LogReply::log`].
        pub log: u64,
        /// The caller's handle to the log's file, opened with FILE_WRITE_DATA.
        pub file: u64,
    }
}
