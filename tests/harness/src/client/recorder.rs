//! How the driver learns what was stored through a view.

use super::{Append, ClientError, Device, Platform, View, sys::PAGE, sys::SharedLog};
use daxflush_protocol::FileRange;
use std::sync::Arc;

/// Ranges that wait to be reported together.
const BATCH: usize = 1024;

/// How the driver learns what was stored through a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Ranges are collected and reported in batches, and before a commit. Exact to the line.
    Report,
    /// Ranges are put into a dirty log, without a system call. Exact to the line.
    Log {
        /// Ranges that fit into it between two commits; a power of two. See
        /// [`MIN_LOG_ENTRIES`](daxflush_protocol::MIN_LOG_ENTRIES) and
        /// [`MAX_LOG_ENTRIES`](daxflush_protocol::MAX_LOG_ENTRIES).
        entries: u32,
    },
    /// The first store to each page is noted by a fault. For programs that do not know what they
    /// store to; exact to the page.
    Faults,
    /// Nothing is recorded: every commit takes the whole file for dirty.
    Conservative,
}

/// What is recorded of a view and not yet with the driver.
pub(super) struct Recorder<P: Platform> {
    /// Kept until the driver has them.
    pending: Vec<FileRange>,
    log: Option<SharedLog<P>>,
    overflows: u64,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> Recorder<P> {
    /// What a view of a file needs, before it is mapped.
    pub fn new(recording: Recording, device: &Arc<Device<P>>, file: &P::Handle) -> Result<Self, P> {
        let log = match recording {
            Recording::Log { entries } => Some(SharedLog::create(device, file, entries)?),
            Recording::Report | Recording::Faults | Recording::Conservative => None,
        };
        Ok(Self {
            pending: Vec::new(),
            log,
            overflows: 0,
        })
    }

    /// Records that a range was stored to. True if it is time to publish.
    pub fn stored(&mut self, recording: Recording, range: FileRange) -> bool {
        match recording {
            Recording::Log { .. } => {
                let ring = self.log.as_mut().and_then(SharedLog::ring);
                if ring.is_some_and(|ring| ring.append(range) == Append::Overflowed) {
                    self.overflows += 1;
                }
            }
            Recording::Report => self.pending.push(range),
            Recording::Faults | Recording::Conservative => {}
        }
        self.pending.len() >= BATCH
    }

    /// Lets the driver know all that was stored so far.
    pub fn publish(
        &mut self,
        device: &Device<P>,
        file: &P::Handle,
        view: &View<P>,
    ) -> Result<(), P> {
        let pages = view.take().map_err(ClientError::Tracking)?;
        self.pending.extend(pages.into_iter().map(|run| FileRange {
            offset: view.offset() + (run.start * PAGE) as u64,
            length: (run.len() * PAGE) as u64,
        }));
        if self.pending.is_empty() {
            return Ok(());
        }
        device.mark_dirty(file, &self.pending)?;
        self.pending.clear();
        Ok(())
    }

    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Ends the recording; the driver has, or takes, all that was recorded.
    pub fn close(self) -> Result<(), P> {
        self.log.map_or(Ok(()), SharedLog::close)
    }
}
