//! The header of a file control block, which everybody can read
//! (ns-ntifs-_fsrtl_advanced_fcb_header).

use super::Fcb;
use crate::nt::{Block, fcb_header as fh, put};

const CLUSTER: u64 = 4096;

/// As FsRtlSetupAdvancedHeader leaves it.
pub(super) fn new() -> Block {
    let header = Block::zeroed(fh::SIZE);
    let at = header.address();
    // SAFETY: our own block of the structure's size, in all of these.
    unsafe { put(at, fh::NODE_BYTE_SIZE, fh::SIZE as i16) };
    // SAFETY: as above.
    unsafe { put(at, fh::FLAGS, fh::FSRTL_FLAG_ADVANCED_HEADER) };
    // SAFETY: as above.
    unsafe { put(at, fh::IS_FAST_IO_POSSIBLE, fh::FAST_IO_IS_POSSIBLE) };
    let flags2 = fh::FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS;
    // SAFETY: as above.
    unsafe { put(at, fh::FLAGS2, flags2) };
    // SAFETY: as above.
    unsafe { put(at, fh::VERSION, fh::FSRTL_FCB_HEADER_V2 << 4) };
    let list = at + fh::FILTER_CONTEXTS;
    // SAFETY: as above. An empty list.
    unsafe { put(at, fh::FILTER_CONTEXTS, [list, list]) };
    header
}

impl Fcb {
    /// Sets the sizes that everybody sees. The allocation holds the file at least.
    pub fn set_sizes(&mut self, size: u64, valid_data_length: u64, allocation: u64) {
        self.size = size;
        self.valid_data_length = valid_data_length.min(size);
        self.allocation = allocation.max(size).next_multiple_of(CLUSTER);
        let at = self.header.address();
        // SAFETY: our own block, in all of these.
        unsafe { put(at, fh::ALLOCATION_SIZE, self.allocation) };
        // SAFETY: as above.
        unsafe { put(at, fh::FILE_SIZE, size) };
        // SAFETY: as above.
        unsafe { put(at, fh::VALID_DATA_LENGTH, self.valid_data_length) };
    }
}
