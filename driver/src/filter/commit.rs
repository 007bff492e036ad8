//! Making a stream durable: the engine's commit over the stream's view.

use super::{STATISTICS, logs, stream::Stream, view_slot::LeasedView, views, volume::Volume};
use crate::{
    nt::{
        file::{FileObject, FileRef},
        instance::Instance,
        processor,
        section::Section,
        shared::Shared,
        status::NtStatus,
        view::{self, View},
        wait,
    },
    settings::SETTINGS,
};
use core::ops::Range;
use daxflush_engine::{Backing, Committed, MAX_OFFSET, Run, Slices};

/// How often a commit tries again after the file system made it close its view, or when every view
/// is being used, at least a millisecond each time.
const ATTEMPTS: usize = 1000;

/// Bytes that are flushed before the view goes back to its place for a moment, so that the file
/// system gets it closed soon.
const SLICE: u64 = 1 << 20;

/// Makes durable what was stored to `scope` of a stream before the call, whoever told of it. On
/// failure it stays dirty. IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    commit_as(stream, instance, file, scope, true)
}

/// Makes the lines of one write durable, with no look at what mapped views may have stored there.
/// IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit_write(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    commit_as(stream, instance, Some(file), scope, false)
}

fn commit_as(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
    gathers: bool,
) -> Result<Committed, NtStatus> {
    // Before the turn: what was marked until now is what this commit answers for.
    let arrival = stream.group.arrive();
    let mut committer = stream.committer.exclusive();
    stream.view.close_if_in_conflict();
    let anchor = stream.anchor.take();
    let mut backing = ViewBacking {
        stream,
        instance,
        file: file.or(anchor.as_ref().map(FileObject::lend)),
        scope: scope.clone(),
        gathers,
        lines: 0,
    };
    let result = processor::stay(|| {
        committer.commit_in_group(&stream.group, arrival, &stream.map, scope, &mut backing)
    });
    let (lines, reach) = (backing.lines, backing.file);
    let keep = !stream.map.is_clean() || stream.may_change_unseen(reach);
    let kept = if keep {
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
    // Nothing that completed was left undone (see commit_volume).
    if result != Err(NtStatus::FILE_CLOSED) {
        STATISTICS.record_commit(result.as_ref().ok());
    }
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
    scope: Range<u64>,
    gathers: bool,
    lines: u64,
}

impl Backing for ViewBacking<'_> {
    type Error = NtStatus;

    fn gather(&mut self) -> bool {
        if !self.gathers {
            return false;
        }
        logs::gather(self.stream);
        if !self.stream.is_unreported() {
            return true;
        }
        let Range { start, end } = self.scope;
        match self.file {
            // A mapping that outlived every handle, and that nobody can be asked to flush.
            None => return false,
            Some(_) if start == 0 && end >= MAX_OFFSET => self.stream.map.mark_all(),
            Some(_) => self.stream.map.mark(start, end.saturating_sub(start)),
        }
        true
    }

    /// The runs were collected before this call, so a section made here shows a file size from
    /// after their collection: what lies beyond it was truncated away and needs no flush.
    fn flush(&mut self, runs: &[Run]) -> Result<(), NtStatus> {
        let mut fresh = false;
        for slice in Slices::new(runs, SLICE) {
            // A run of a stream that is dirty all over goes on far beyond the stream's end.
            if self.flush_slice(slice.runs(), &mut fresh)? == Reached::End {
                break;
            }
        }
        Ok(())
    }

    /// One drain covers every flush of this commit: the thread stays on its processor.
    fn drain(&mut self) -> Result<(), NtStatus> {
        view::drain()
    }
}

/// How far a flush has come.
#[derive(PartialEq, Eq)]
enum Reached {
    Slice,
    /// The stream ends before the slice does.
    End,
}

impl ViewBacking<'_> {
    fn flush_slice(&mut self, runs: &[Run], fresh: &mut bool) -> Result<Reached, NtStatus> {
        let end = runs.iter().map(Run::end).max().unwrap_or(0);
        let mut failure = NtStatus::FILE_LOCK_CONFLICT;
        for _ in 0..ATTEMPTS {
            // The device's memory must not be touched any more.
            if self.stream.volume.is_removed() {
                return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
            }
            let mut leased = match self.begin_use(end, fresh) {
                Ok(leased) => leased,
                // There is nothing, or nothing any more, that could be flushed.
                Err(NtStatus::END_OF_FILE | NtStatus::FILE_DELETED) => return Ok(Reached::End),
                // The conflict callback has taken the view and is closing it, or all are in use.
                Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED) => {
                    wait::one_millisecond();
                    continue;
                }
                Err(NtStatus::RETRY) => {
                    failure = NtStatus::INSUFFICIENT_RESOURCES;
                    wait::one_millisecond();
                    continue;
                }
                Err(status) => return Err(status),
            };
            let conflict = leased.view.is_in_conflict();
            let reached = if leased.view.end() < end {
                Reached::End
            } else {
                Reached::Slice
            };
            let flushed = if conflict {
                Ok(0)
            } else {
                leased.view.flush(runs)
            };
            self.stream.view.put(leased);
            if conflict {
                continue;
            }
            let lines = flushed.inspect_err(|_| STATISTICS.view_failures.one())?;
            self.lines = self.lines.saturating_add(lines);
            return Ok(reached);
        }
        Err(failure)
    }

    /// The stream's view, out of its place: the one there is if it reaches to `end`, or a new one of
    /// the file as large as it is now.
    fn begin_use(&self, end: u64, fresh: &mut bool) -> Result<LeasedView, NtStatus> {
        let place = &self.stream.view;
        if let Some(leased) = place.begin_use() {
            if *fresh || end <= leased.view.end() {
                return Ok(leased);
            }
            drop(leased);
        }
        let opened = self.open();
        match &opened {
            Ok(_) => *fresh = true,
            Err(_) => place.end_use(),
        }
        opened
    }

    fn open(&self) -> Result<LeasedView, NtStatus> {
        let file = self.file.ok_or(NtStatus::FILE_CLOSED)?;
        let section = Section::create(self.instance, file, self.stream.clone());
        let section = section.inspect_err(|status| {
            let expected = [
                NtStatus::END_OF_FILE,
                NtStatus::FILE_DELETED,
                NtStatus::FLT_CONTEXT_ALREADY_DEFINED,
            ];
            if !expected.contains(status) {
                STATISTICS.view_failures.one();
            }
        })?;
        let view = View::new(section, SETTINGS.window_bytes());
        let lease = views::lease(self.stream, view.bytes())?;
        Ok(LeasedView {
            view,
            _lease: lease,
        })
    }
}
