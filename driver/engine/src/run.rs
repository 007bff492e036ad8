//! Units, and runs of dirty lines.

/// Bytes of a cache line, and of file for each bit of the dirty map.
pub const LINE_SIZE: u64 = 64;
/// Bytes of file that one leaf covers.
pub const LEAF_SPAN: u64 = 2 << 20;
/// Bytes of file that a dirty map can tell apart: 256 TiB.
pub const MAX_OFFSET: u64 = 1 << 48;

/// Adjacent dirty lines of a stream.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// First byte, a multiple of the line size.
    pub offset: u64,
    /// Bytes, a multiple of the line size.
    pub length: u64,
}

impl Run {
    /// The first byte after the run.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}
