//! Stores through mapped views, which no I/O request shows: reported, and committed on request.

use super::client::Client;
use crate::{
    filter::{self, STATISTICS, Stream},
    nt::{
        device::ControlRequest,
        file::FileObject,
        instance::{Instance, InstanceReference},
        names::FileName,
        shared::Shared,
        status::NtStatus,
        time, trace,
    },
};
use core::ops::Range;
use daxflush_engine::MAX_OFFSET;
use daxflush_protocol::{
    CommitReply, CommitRequest, DrainReply, FileRange, MarkDirty, commit_flag,
};

/// Marks ranges of a file dirty: all of them, or none if one is not valid.
pub fn mark_dirty(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let report = MarkDirty::parse(request.input()).ok_or(NtStatus::INVALID_PARAMETER)?;
    let target = Target::of(report.file, request)?;
    for range in report.ranges {
        target
            .stream
            .record(target.file.lend(), range.offset, range.length);
        trace::reported(target.stream.id(), range.offset, range.length);
    }
    let count = report.ranges.len() as u64;
    target.stream.statistics.reports.add(count);
    target.stream.volume.statistics.reports.add(count);
    STATISTICS.reports.add(count);
    // Only now: until every range is recorded, a commit must still assume all of them.
    target.stream.note_report();
    Ok(())
}

/// Makes a file, or a range of it, durable before it answers, or with the next drain.
pub fn commit(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: CommitRequest = request.read()?;
    let scope = scope(asked.range).ok_or(NtStatus::INVALID_PARAMETER)?;
    if asked.flags & !commit_flag::NO_DRAIN != 0 || asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space::<CommitReply>()?;
    let begun = time::now();
    let target = Target::of(asked.file, request)?;
    let (stream, file) = (&target.stream, target.file.lend());
    let done = if asked.flags & commit_flag::NO_DRAIN == 0 {
        trace::flush(stream.id());
        filter::commit(stream, target.instance(), Some(file), scope)?
    } else {
        client.will_drain(stream)?;
        let done = filter::begin_commit(stream, target.instance(), file, scope);
        client.must_drain(stream)?;
        done?
    };
    request.answer(&CommitReply {
        ranges: done.ranges,
        lines: done.lines,
        time: time::now().saturating_sub(begun),
    })
}

/// Ends what commits without a drain have begun through the caller's handle.
pub fn drain(client: &Client, request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    request.has_no_input()?;
    request.check_space::<DrainReply>()?;
    let streams = client.drain()?;
    request.answer(&DrainReply { streams })
}

fn scope(range: FileRange) -> Option<Range<u64>> {
    if range.length == 0 {
        return (range.offset == 0).then_some(0..MAX_OFFSET);
    }
    range
        .end()
        .map(|end| range.offset.min(MAX_OFFSET)..end.min(MAX_OFFSET))
}

/// A file that the caller may write, and its stream.
pub struct Target {
    pub stream: Shared<Stream>,
    pub file: FileObject,
    instance: InstanceReference,
}

impl Target {
    pub fn of(handle: u64, request: &ControlRequest<'_>) -> Result<Self, NtStatus> {
        let file = FileObject::writable_from_handle(handle, request.mode)?;
        let instance = InstanceReference::of(file.lend())?;
        let stream = filter::stream_of(instance.lend(), file.lend())?;
        stream.learn_name(|| FileName::of(instance.lend(), file.lend()));
        Ok(Self {
            stream,
            file,
            instance,
        })
    }

    pub fn instance(&self) -> Instance<'_> {
        self.instance.lend()
    }
}
