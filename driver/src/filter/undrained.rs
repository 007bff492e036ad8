//! What a commit without a drain leaves to be drained.

use super::stream::Stream;
use crate::nt::{processor::Processor, status::NtStatus, view};
use core::ops::Range;

/// Flushes that were begun on one processor and that no drain has ended; kept under the stream's
/// committer lock. The lines are not marked any more, so whoever holds the lock next settles this
/// before he believes that a clean line is durable (see `engine/group.rs`, step 2).
pub struct Undrained {
    pending: Option<Pending>,
}

struct Pending {
    /// A drain ends the flushes of the processor that executes it.
    processor: Processor,
    /// Bytes around what was flushed.
    span: Range<u64>,
}

impl Undrained {
    pub const fn new() -> Self {
        Self { pending: None }
    }

    /// Whether there is nothing to drain.
    pub const fn is_settled(&self) -> bool {
        self.pending.is_none()
    }

    /// Remembers flushes of `span` that this thread has just made and that are not drained.
    ///
    /// # Errors
    /// DEVICE_DOES_NOT_EXIST: `span`, and what was pending, is dirty again.
    pub fn note(
        &mut self,
        stream: &Stream,
        processor: Processor,
        span: Range<u64>,
    ) -> Result<(), NtStatus> {
        let elsewhere = |pending: &Pending| pending.processor != processor;
        if self.pending.as_ref().is_some_and(elsewhere)
            && let Err(status) = self.settle(stream)
        {
            mark(stream, span);
            return Err(status);
        }
        let before = self.pending.take();
        let before = before.map_or(span.clone(), |pending| pending.span);
        self.pending = Some(Pending {
            processor,
            span: before.start.min(span.start)..before.end.max(span.end),
        });
        Ok(())
    }

    /// Drains what is pending; whether there was anything. IRQL PASSIVE_LEVEL.
    ///
    /// # Errors
    /// DEVICE_DOES_NOT_EXIST: what was pending is dirty again.
    pub fn settle(&mut self, stream: &Stream) -> Result<bool, NtStatus> {
        let Some(pending) = self.pending.take() else {
            return Ok(false);
        };
        let drained = if stream.volume.is_removed() {
            Err(NtStatus::DEVICE_DOES_NOT_EXIST)
        } else {
            pending.processor.run(view::drain)
        };
        if drained.is_err() {
            mark(stream, pending.span);
        }
        drained.map(|()| true)
    }
}

fn mark(stream: &Stream, span: Range<u64>) {
    stream
        .map
        .mark(span.start, span.end.saturating_sub(span.start));
}
