//! What an operation is about to store, remembered from its pre-operation to its post-operation.

use super::stream::Stream;
use crate::nt::{file::FileRef, handover::OneOf, shared::Shared, trace};

/// A range of a stream, in bytes.
pub struct Extent {
    pub stream: Shared<Stream>,
    pub offset: u64,
    pub length: u64,
}

/// A stream and a note about the operation, or an extent.
pub type Target = OneOf<Stream, Extent>;

/// The note of an operation that stores nobody knows where.
pub const ANYWHERE: usize = 1;

/// An extent to remember; without memory, all of the stream.
pub fn of(stream: Shared<Stream>, offset: u64, length: u64) -> Target {
    let extent = Shared::try_new(Extent {
        stream: stream.clone(),
        offset,
        length,
    });
    extent.map_or(OneOf::First(stream, ANYWHERE), OneOf::Second)
}

impl Extent {
    /// Records that the first `stored` bytes of the extent were stored. IRQL <= DISPATCH_LEVEL.
    pub fn record(&self, file: FileRef<'_>, stored: u64) {
        let stored = stored.min(self.length);
        self.stream.count_write();
        if stored != 0 {
            self.stream.record(file, self.offset, stored);
            trace::written(self.stream.id(), self.offset, stored);
        }
    }
}
