//! Forgetting lines that the stream no longer has.

use super::{DirtyMap, LINE_SIZE, MAX_LINE, collect::discard};
use crate::Reserve;
use core::{borrow::Borrow, ops::Range};

impl<R: Borrow<Reserve>> DirtyMap<R> {
    /// Forgets the lines that lie wholly inside `range` of bytes.
    ///
    /// One caller at a time, and none together with a commit; concurrent with markers. A map in
    /// which everything is dirty stays so: what lies beyond the stream's end is never flushed.
    pub fn clear(&self, range: Range<u64>) {
        let lines = range.start.div_ceil(LINE_SIZE)..(range.end / LINE_SIZE).min(MAX_LINE);
        if !lines.is_empty() {
            let Ok(()) = discard(self, &lines);
        }
    }
}
