//! Stores through mapped views, which no I/O request shows: reported, and committed on request.

use crate::{
    filter::{self, STATISTICS, Stream},
    nt::{
        device::ControlRequest, file::FileObject, instance::InstanceReference, shared::Shared,
        status::NtStatus,
    },
};
use core::ops::Range;
use daxflush_engine::MAX_OFFSET;
use daxflush_protocol::{CommitReply, CommitRequest, FileRange, MarkDirty};
use zerocopy::{FromBytes, IntoBytes};

/// Marks ranges of a file dirty: all of them, or none if one is not valid.
pub fn mark_dirty(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let report = MarkDirty::parse(request.input()).ok_or(NtStatus::INVALID_PARAMETER)?;
    let target = Target::of(report.file, request)?;
    for range in report.ranges {
        target
            .stream
            .record(target.file.lend(), range.offset, range.length);
        STATISTICS.reports.one();
    }
    // Only now: until every range is recorded, a commit must still assume all of them.
    target.stream.note_report();
    Ok(0)
}

/// Makes a file, or a range of it, durable before it answers.
pub fn commit(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let asked =
        CommitRequest::read_from_bytes(request.input()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let scope = scope(asked.range).ok_or(NtStatus::INVALID_PARAMETER)?;
    request.check_space(size_of::<CommitReply>())?;
    let target = Target::of(asked.file, request)?;
    let instance = target.instance.lend();
    let done = filter::commit(&target.stream, instance, Some(target.file.lend()), scope)?;
    let reply = CommitReply {
        ranges: done.ranges,
        lines: done.lines,
    };
    request.answer(reply.as_bytes())
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
        Ok(Self {
            stream,
            file,
            instance,
        })
    }
}
