//! Making a stream durable: the engine's commit over the stream's view.

use super::{
    STATISTICS, logs, stream::Stream, undrained::Undrained, view_slot::LeasedView, views,
    volume::Volume,
};
use crate::{
    nt::{
        event_log::{self, Event},
        file::{FileObject, FileRef},
        instance::Instance,
        processor::{self, Processor},
        section::{Section, SectionAccess},
        shared::Shared,
        status::NtStatus,
        time, trace,
        view::{self, Content, View},
        wait,
    },
    settings::SETTINGS,
};
use core::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use daxflush_engine::{
    Arrival, Backing, Committed, Committer, LINE_SIZE, MAX_OFFSET, Run, Slices, Statistics,
};
use daxflush_nvmem::WriteFlags;
use daxflush_protocol::FileRange;

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
    commit_as(stream, instance, file, scope, &Manner::FULL)
}

/// Begins to make durable what [`commit`] would; it is when [`drain`] or a later commit of the stream
/// has succeeded. IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn begin_commit(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    let manner = Manner {
        drains: false,
        ..Manner::FULL
    };
    commit_as(stream, instance, Some(file), scope, &manner)
}

/// Ends what [`begin_commit`] has begun; whether there was anything to end. IRQL PASSIVE_LEVEL.
///
/// # Errors
/// DEVICE_DOES_NOT_EXIST: what was begun is dirty again, or was made so by another's commit.
pub fn drain(stream: &Stream) -> Result<bool, NtStatus> {
    let drained = stream.committer.exclusive().undrained.settle(stream)?;
    if drained {
        count(stream, |statistics| statistics.drains.one());
    } else if stream.volume.is_removed() {
        return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
    }
    Ok(drained)
}

/// Ends what [`begin_commit`] has begun, for a stream whose last user goes. IRQL <= APC_LEVEL.
pub fn settle(stream: &Stream) {
    match stream.committer.exclusive().undrained.settle(stream) {
        Ok(true) => count(stream, |statistics| statistics.drains.one()),
        Ok(false) => {}
        Err(status) => tell(status),
    }
}

/// Makes the lines of one write durable, with no look at what mapped views may have stored there.
/// IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit_write(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    let manner = Manner {
        gathers: false,
        ..Manner::FULL
    };
    commit_as(stream, instance, Some(file), scope, &manner)
}

/// When the administrator was last told, as [`time::now`].
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Tells the administrator of a commit that failed with nobody else to tell, at most once a minute.
pub fn tell(status: NtStatus) {
    const MINUTE: u64 = 600_000_000;
    let (now, told) = (time::now().max(1), TOLD.load(Relaxed));
    let due = told == 0 || now.saturating_sub(told) >= MINUTE;
    if due && TOLD.compare_exchange(told, now, Relaxed, Relaxed).is_ok() {
        event_log::write(Event::CommitFailed, status, "");
    }
}

/// What a commit does.
struct Manner {
    /// Looks at what mapped views may have stored.
    gathers: bool,
    /// Waits until it is durable.
    drains: bool,
}

impl Manner {
    const FULL: Self = Self {
        gathers: true,
        drains: true,
    };
}

fn commit_as(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
    manner: &Manner,
) -> Result<Committed, NtStatus> {
    let begun = time::now();
    // Before the turn: what was marked until now is what this commit answers for.
    let arrival = stream.group.arrive();
    let mut commits = stream.committer.exclusive();
    stream.view.close_if_in_conflict();
    let anchor = stream.anchor.take();
    let mut backing = ViewBacking {
        stream,
        instance,
        file: file.or(anchor.as_ref().map(FileObject::lend)),
        scope: scope.clone(),
        manner,
        lines: 0,
        flushed: None,
    };
    let result = commits.run(arrival, scope, &mut backing);
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
    drop(commits);
    drop(kept);
    let result = result.map(|committed| {
        let coarse_lines = committed.coarse_lines.min(lines);
        Committed {
            lines,
            coarse_lines,
            drains: if manner.drains { committed.drains } else { 0 },
            ..committed
        }
    });
    // Nothing that completed was left undone (see commit_volume).
    if result != Err(NtStatus::FILE_CLOSED) {
        let ended = time::now();
        let took = ended.saturating_sub(begun);
        let done = result.as_ref().ok();
        count(stream, |statistics| statistics.record_commit(done, took));
        stream.last.note(ended, took, &result);
        trace::commit(stream, took, &result);
    }
    result
}

/// Flushes ranges of a stream, dirty or not, and leaves their marks alone. Returns the lines. IRQL
/// PASSIVE_LEVEL, with no file system resources held.
pub fn flush_ranges(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    ranges: &[FileRange],
    drains: bool,
) -> Result<u64, NtStatus> {
    let manner = Manner {
        gathers: false,
        drains,
    };
    let mut commits = stream.committer.exclusive();
    stream.view.close_if_in_conflict();
    let mut backing = ViewBacking {
        stream,
        instance,
        file: Some(file),
        scope: 0..0,
        manner: &manner,
        lines: 0,
        flushed: None,
    };
    let done = commits.flush_ranges(ranges, &mut backing);
    let lines = backing.lines;
    drop(commits);
    done.map(|()| lines)
}

/// Stores into a stream through a view of its own, and flushes and drains as `flags` say; what may not
/// be durable then is dirty. IRQL PASSIVE_LEVEL, with no file system resources held.
///
/// # Errors
/// END_OF_FILE if the file has become shorter: then nothing is stored, unless it became so meanwhile.
/// What may be stored after any failure is dirty.
pub fn store(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    offset: u64,
    content: Content<'_>,
    flags: WriteFlags,
) -> Result<(), NtStatus> {
    let mut commits = stream.committer.exclusive();
    let manner = Manner::FULL;
    let backing = ViewBacking {
        stream,
        instance,
        file: Some(file),
        scope: 0..0,
        manner: &manner,
        lines: 0,
        flushed: None,
    };
    let mut reach = offset;
    let (stored, processor) = processor::stay(|| {
        let stored = backing.store(offset, content, flags, &mut reach);
        (stored, Processor::current())
    });
    let stored = match stored {
        Ok(()) if flags == WriteFlags::FLUSH | WriteFlags::NO_DRAIN => {
            commits.undrained.note(stream, processor, offset..reach)
        }
        Ok(()) if flags.intersects(WriteFlags::PERSIST) => Ok(()),
        volatile_or_failed => {
            if reach > offset {
                stream.record(file, offset, reach.saturating_sub(offset));
            }
            volatile_or_failed
        }
    };
    drop(commits);
    stored
}

/// Counts for the stream, its volume and all.
fn count(stream: &Stream, event: impl Fn(&Statistics)) {
    event(&stream.statistics);
    event(&stream.volume.statistics);
    event(&STATISTICS);
}

/// The lines that a range of bytes overlaps.
fn lines_of(range: &FileRange) -> Run {
    let start = range.offset.saturating_sub(range.offset % LINE_SIZE);
    let end = range.offset.saturating_add(range.length);
    Run {
        offset: start,
        length: end.saturating_sub(start).next_multiple_of(LINE_SIZE),
    }
}

/// The commits of one stream, one at a time.
pub struct Commits {
    committer: Committer,
    undrained: Undrained,
}

impl Commits {
    pub const fn new() -> Self {
        Self {
            committer: Committer::new(),
            undrained: Undrained::new(),
        }
    }

    /// Whether every line that is not dirty is durable.
    pub const fn is_settled(&self) -> bool {
        self.undrained.is_settled()
    }

    fn run(
        &mut self,
        arrival: Arrival,
        scope: Range<u64>,
        backing: &mut ViewBacking<'_>,
    ) -> Result<Committed, NtStatus> {
        let stream = backing.stream;
        // Lines that a commit without a drain has taken are clean and not yet durable.
        if backing.manner.drains && self.undrained.settle(stream)? {
            count(stream, |statistics| statistics.drains.one());
        }
        self.committer.set_batch(SETTINGS.batch_ranges());
        let done = processor::stay(|| {
            let done =
                self.committer
                    .commit_in_group(&stream.group, arrival, &stream.map, scope, backing);
            (done, Processor::current())
        });
        let (done, processor) = done;
        self.note_flushed(backing, processor)?;
        done
    }

    fn flush_ranges(
        &mut self,
        ranges: &[FileRange],
        backing: &mut ViewBacking<'_>,
    ) -> Result<(), NtStatus> {
        let (done, processor) = processor::stay(|| {
            let done = ranges
                .iter()
                .try_for_each(|range| backing.flush(&[lines_of(range)]))
                .and_then(|()| backing.drain());
            (done, Processor::current())
        });
        self.note_flushed(backing, processor)?;
        done
    }

    fn note_flushed(
        &mut self,
        backing: &mut ViewBacking<'_>,
        processor: Processor,
    ) -> Result<(), NtStatus> {
        match backing.flushed.take() {
            Some(span) if !backing.manner.drains => {
                self.undrained.note(backing.stream, processor, span)
            }
            _ => Ok(()),
        }
    }
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
    manner: &'a Manner,
    lines: u64,
    /// Bytes around what was flushed.
    flushed: Option<Range<u64>>,
}

impl Backing for ViewBacking<'_> {
    type Error = NtStatus;

    fn gather(&mut self) -> bool {
        if !self.manner.gathers {
            return false;
        }
        logs::gather(self.stream);
        if !self.stream.is_unreported() {
            // Nobody may take for durable what is not drained.
            return self.manner.drains;
        }
        let Range { start, end } = self.scope;
        match self.file {
            // A mapping that outlived every handle, and that nobody can be asked to flush.
            None => return false,
            Some(_) if start == 0 && end >= MAX_OFFSET => self.stream.map.mark_all(),
            Some(_) => self.stream.map.mark(start, end.saturating_sub(start)),
        }
        self.manner.drains
    }

    /// The runs were collected before this call, so a section made here shows a file size from
    /// after their collection: what lies beyond it was truncated away and needs no flush.
    fn flush(&mut self, runs: &[Run]) -> Result<(), NtStatus> {
        let start = runs.first().map_or(0, |run| run.offset);
        let end = runs.last().map_or(0, Run::end);
        let before = self.flushed.take().unwrap_or(start..end);
        self.flushed = Some(before.start.min(start)..before.end.max(end));
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
        if self.manner.drains {
            view::drain()
        } else {
            Ok(())
        }
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
        let opened = self.open(SectionAccess::Read);
        match &opened {
            Ok(_) => *fresh = true,
            Err(_) => place.end_use(),
        }
        opened
    }

    /// Stores in slices, between which the file system gets its way. `reach` comes to be the end of
    /// what may be stored.
    fn store(
        &self,
        offset: u64,
        content: Content<'_>,
        flags: WriteFlags,
        reach: &mut u64,
    ) -> Result<(), NtStatus> {
        let length = content.bytes();
        let end = offset.saturating_add(length);
        let mut done = 0;
        while done < length {
            let next = done.saturating_add(SLICE).min(length);
            let piece = content
                .piece(done..next)
                .ok_or(NtStatus::INVALID_PARAMETER)?;
            self.store_slice(offset.saturating_add(done), piece, flags, end, reach)?;
            done = next;
        }
        Ok(())
    }

    /// Stores one slice of what ends at `end`.
    fn store_slice(
        &self,
        at: u64,
        content: Content<'_>,
        flags: WriteFlags,
        end: u64,
        reach: &mut u64,
    ) -> Result<(), NtStatus> {
        let place = &self.stream.view;
        let mut failure = NtStatus::FILE_LOCK_CONFLICT;
        for _ in 0..ATTEMPTS {
            if self.stream.volume.is_removed() {
                return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
            }
            // There is one section for each stream: the one that can only be read goes.
            drop(place.begin_use());
            self.stream.begin_own_section();
            let opened = self.open(SectionAccess::Write);
            self.stream.end_own_section();
            let stored = match opened {
                Ok(leased) if leased.view.is_in_conflict() => None,
                // Refused as a whole, not when the slice comes that is not within the file.
                Ok(leased) if leased.view.file_size() < end => Some(Err(NtStatus::END_OF_FILE)),
                Ok(mut leased) => {
                    *reach = at.saturating_add(content.bytes());
                    Some(leased.view.store(at, content, flags))
                }
                Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED) => None,
                Err(NtStatus::RETRY) => {
                    failure = NtStatus::INSUFFICIENT_RESOURCES;
                    None
                }
                Err(status) => Some(Err(status)),
            };
            place.end_use();
            if let Some(stored) = stored {
                return stored;
            }
            wait::one_millisecond();
        }
        Err(failure)
    }

    fn open(&self, access: SectionAccess) -> Result<LeasedView, NtStatus> {
        let file = self.file.ok_or(NtStatus::FILE_CLOSED)?;
        let section = Section::create(self.instance, file, self.stream.clone(), access);
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
