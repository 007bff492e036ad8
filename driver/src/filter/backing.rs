//! How a commit reaches a stream's memory: through its view, which is opened when a line needs it.

use super::{STATISTICS, commit::Manner, logs, stream::Stream, view_slot::LeasedView, views};
use crate::{
    nt::{
        file::FileRef,
        instance::Instance,
        section::{Section, SectionAccess},
        shared::Shared,
        status::NtStatus,
        view::{self, View},
        wait,
    },
    settings::SETTINGS,
};
use core::ops::Range;
use daxflush_engine::{Backing, MAX_OFFSET, Run, Slices};

/// How often a commit tries again after the file system made it close its view, or when every view
/// is being used, at least a millisecond each time.
pub const ATTEMPTS: usize = 1000;

/// Bytes that are flushed before the view goes back to its place for a moment, so that the file
/// system gets it closed soon.
pub const SLICE: u64 = 1 << 20;

/// Flushes through the stream's view, which it opens when a line needs it.
pub struct ViewBacking<'a> {
    pub stream: &'a Shared<Stream>,
    instance: Instance<'a>,
    file: Option<FileRef<'a>>,
    scope: Range<u64>,
    pub manner: &'a Manner,
    /// Lines flushed.
    pub lines: u64,
    /// Bytes around what was flushed.
    pub flushed: Option<Range<u64>>,
}

impl<'a> ViewBacking<'a> {
    pub fn new(
        stream: &'a Shared<Stream>,
        instance: Instance<'a>,
        file: Option<FileRef<'a>>,
        scope: Range<u64>,
        manner: &'a Manner,
    ) -> Self {
        Self {
            stream,
            instance,
            file,
            scope,
            manner,
            lines: 0,
            flushed: None,
        }
    }
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
        if Run::bytes_of(runs) <= SLICE {
            return self.flush_slice(runs, &mut fresh).map(|_| ());
        }
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
        let end = runs.last().map_or(0, Run::end);
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

    /// Makes a view of the file as large as it is now.
    pub fn open(&self, access: SectionAccess) -> Result<LeasedView, NtStatus> {
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
