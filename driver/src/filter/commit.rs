//! Making a stream durable: the engine's commit over the stream's view.

use super::{STATISTICS, stream::Stream, volume::Volume};
use crate::nt::{
    file::{FileObject, FileRef},
    instance::Instance,
    section::{self, View},
    shared::Shared,
    status::NtStatus,
    wait,
};
use core::ops::Range;
use daxflush_engine::{Backing, Committed, MAX_OFFSET, Run};

/// How often a commit tries again after the file system made it close its view, at least a
/// millisecond each time that a view is still being closed.
const ATTEMPTS: usize = 1000;

/// Makes durable what was recorded in `scope` of a stream before the call. On failure it stays
/// dirty. IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    let mut committer = stream.committer.exclusive();
    let anchor = stream.anchor.take();
    let reach = file.or(anchor.as_ref().map(FileObject::lend));
    // A mapping that outlived every handle can no longer be reached from here.
    if stream.is_unreported() && reach.is_some() {
        stream.map.mark_all();
    }
    let mut backing = ViewBacking {
        stream,
        instance,
        file: reach,
        lines: 0,
    };
    let result = committer.commit(&stream.map, scope, &mut backing);
    let lines = backing.lines;
    let kept = if !stream.map.is_clean() || stream.may_change_unseen() {
        anchor
            .or(file.map(FileRef::keep))
            .and_then(|file| stream.anchor.put_back(file))
    } else {
        anchor
    };
    // The last reference to a file object may go here, and the file system must not be called with
    // the lock held.
    drop(committer);
    drop(kept);
    let result = result.map(|committed| {
        let coarse_lines = committed.coarse_lines.min(lines);
        Committed {
            lines,
            coarse_lines,
            ..committed
        }
    });
    STATISTICS.record_commit(result.as_ref().ok());
    result
}

/// Commits every stream of a volume and returns the first failure.
///
/// A stream that can be reached through no file object has no write that completed: a record in
/// progress fills the anchor once more when it has marked, and a stream to be deleted needs none.
pub fn commit_volume(volume: &Volume) -> Result<(), NtStatus> {
    volume.each(
        |stream| match commit(stream, volume.instance.lend(), None, 0..MAX_OFFSET) {
            Ok(_) | Err(NtStatus::FILE_CLOSED) => Ok(()),
            Err(status) => Err(status),
        },
    )
}

/// Flushes through the stream's view, which it opens when a line needs it.
struct ViewBacking<'a> {
    stream: &'a Shared<Stream>,
    instance: Instance<'a>,
    file: Option<FileRef<'a>>,
    lines: u64,
}

impl Backing for ViewBacking<'_> {
    type Error = NtStatus;

    /// The runs were collected before this call, so a view opened here shows a file size from
    /// after their collection: what lies beyond it was truncated away and needs no flush.
    fn flush(&mut self, runs: &[Run]) -> Result<(), NtStatus> {
        let end = runs
            .iter()
            .map(|run| run.offset.saturating_add(run.length))
            .max()
            .unwrap_or(0);
        let mut fresh = false;
        for _ in 0..ATTEMPTS {
            if let Some(flushed) = self.flush_through_view(runs, if fresh { 0 } else { end }) {
                return flushed;
            }
            match self.reopen() {
                Ok(()) => fresh = true,
                Err(NtStatus::END_OF_FILE) => return Ok(()),
                // The conflict callback has taken the view and is closing it.
                Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED) => wait::one_millisecond(),
                Err(status) => return Err(status),
            }
        }
        Err(NtStatus::FILE_LOCK_CONFLICT)
    }

    /// One drain covers every flush of this commit, also if the thread changed processors in
    /// between: a context switch orders the flushes before it on the processor it leaves.
    fn drain(&mut self) -> Result<(), NtStatus> {
        section::drain()
    }
}

impl ViewBacking<'_> {
    /// Flushes through the view if there is one that reaches to `end`.
    fn flush_through_view(&mut self, runs: &[Run], end: u64) -> Option<Result<(), NtStatus>> {
        let view = self.stream.view.shared();
        let view = view
            .as_ref()
            .filter(|view| !view.is_in_conflict() && end <= view.end())?;
        Some(
            view.flush(runs)
                .map(|lines| self.lines = self.lines.saturating_add(lines)),
        )
    }

    fn reopen(&self) -> Result<(), NtStatus> {
        self.stream.close_view();
        let file = self.file.ok_or(NtStatus::FILE_CLOSED)?;
        let view = View::open(self.instance, file, self.stream.clone())?;
        let mut place = self.stream.view.exclusive();
        // The conflict callback marks the section before it looks here, so it either finds the
        // view in its place or is seen now; a view in conflict is dropped after the lock.
        let conflict = view.is_in_conflict();
        let dropped = if conflict {
            Some(view)
        } else {
            place.replace(view)
        };
        drop(place);
        drop(dropped);
        Ok(())
    }
}
