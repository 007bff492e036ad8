//! Volumes, their streams, and where streams are dirty.

use super::{
    list::ListAnswer,
    statistics::{dirty_lines as all_dirty_lines, tracking},
    stores::Target,
};
use crate::{
    filter::{Stream, Volume, volume},
    nt::{device::ControlRequest, names::VolumeName, shared::Shared, status::NtStatus, time},
};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use daxflush_engine::LINE_SIZE;
use daxflush_protocol::{
    DirtyLinesRequest, ListRequest, MAX_CELLS, NEVER, ReplyHeader, StreamRecord, StreamsRequest,
    VolumeRecord, stream_flag, volume_flag,
};
use zerocopy::IntoBytes;

/// The volume of a record that was listed.
pub fn volume(id: u64) -> Result<Shared<Volume>, NtStatus> {
    volume::at(volume::index_of(id))
        .filter(|volume| volume.id() == id)
        .ok_or(NtStatus::INVALID_PARAMETER)
}

/// Where to go on after the record `after`.
fn first_index(after: u64) -> usize {
    match after {
        0 => 0,
        id => volume::index_of(id).saturating_add(1),
    }
}

pub fn volumes(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: ListRequest = request.read()?;
    let mut answer = ListAnswer::new(request);
    for index in first_index(asked.after)..volume::limit() {
        let Some(volume) = volume::at(index) else {
            continue;
        };
        let name = VolumeName::of(volume.instance.lend());
        let units = name.as_ref().map_or(&[][..], VolumeName::units);
        if !answer.push(record_of_volume(&volume)?, units)? {
            break;
        }
    }
    answer.finish()
}

fn record_of_volume(volume: &Volume) -> Result<VolumeRecord, NtStatus> {
    let (tracking_bytes, tracking_limit) = tracking(&volume.reserve);
    let counts = volume.statistics.snapshot();
    let mut record = VolumeRecord {
        id: volume.id(),
        flags: flag(volume.was_attached_late(), volume_flag::ATTACHED_LATE)
            | flag(volume.is_removed(), volume_flag::REMOVED),
        tracking_bytes,
        tracking_limit,
        commits: counts.commits,
        failed_commits: counts.failed_commits,
        lines: counts.lines,
        ..VolumeRecord::default()
    };
    volume.each(|stream| {
        record.streams = record.streams.saturating_add(1);
        record.dirty_lines = record.dirty_lines.saturating_add(all_dirty_lines(stream));
        Ok(())
    })?;
    Ok(record)
}

pub fn streams(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: StreamsRequest = request.read()?;
    let volume = volume(asked.volume)?;
    let mut answer = ListAnswer::new(request);
    for index in first_index(asked.after)..volume.limit() {
        let Some(stream) = volume.stream_at(index) else {
            continue;
        };
        let record = record_of_stream(&stream);
        if !stream.with_name(|name| answer.push(record, name))? {
            break;
        }
    }
    answer.finish()
}

fn record_of_stream(stream: &Stream) -> StreamRecord {
    let counts = stream.statistics.snapshot();
    let last = &stream.last;
    let ended = last.ended.load(Relaxed);
    let view_bytes = stream.view.end();
    StreamRecord {
        id: stream.id(),
        flags: flag(stream.mappers.is_mapped(), stream_flag::MAPPED)
            | flag(stream.is_unreported(), stream_flag::UNREPORTED)
            | flag(view_bytes.is_some(), stream_flag::VIEW)
            | flag(
                stream.delete_pending.load(SeqCst),
                stream_flag::DELETE_PENDING,
            )
            | flag(stream.map.is_all_dirty(), stream_flag::ALL_DIRTY),
        handles: u32::try_from(stream.handles.load(SeqCst)).unwrap_or(0),
        logs: u32::try_from(stream.logs.shared().count()).unwrap_or(u32::MAX),
        last_status: last.status.load(Relaxed),
        dirty_lines: all_dirty_lines(stream),
        view_bytes: view_bytes.unwrap_or(0),
        writes: counts.writes,
        commits: counts.commits,
        failed_commits: counts.failed_commits,
        lines: counts.lines,
        last_commit_age: match ended {
            0 => NEVER,
            ended => time::now().saturating_sub(ended),
        },
        last_commit_time: last.took.load(Relaxed),
        last_commit_lines: last.lines.load(Relaxed),
        ..StreamRecord::default()
    }
}

fn flag(set: bool, bit: u32) -> u32 {
    if set { bit } else { 0 }
}

pub fn dirty_lines(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: DirtyLinesRequest = request.read()?;
    let cells = usize::try_from(asked.cells).unwrap_or(usize::MAX);
    let aligned = asked.offset.is_multiple_of(LINE_SIZE)
        && asked.cell_bytes.is_multiple_of(LINE_SIZE)
        && asked.cell_bytes != 0;
    let end = asked
        .cell_bytes
        .checked_mul(u64::from(asked.cells))
        .and_then(|bytes| bytes.checked_add(asked.offset));
    if !aligned || !(1..=MAX_CELLS).contains(&cells) || end.is_none() || asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let header = size_of::<ReplyHeader>();
    let size = cells
        .saturating_mul(size_of::<u32>())
        .saturating_add(header);
    request.check_room(size)?;
    let target = Target::of(asked.file, request)?;
    request.put(
        0,
        ReplyHeader {
            size: u32::try_from(size).unwrap_or(u32::MAX),
            count: asked.cells,
        }
        .as_bytes(),
    )?;
    let (mut start, mut place) = (asked.offset, header);
    for _ in 0..cells {
        let stop = start.saturating_add(asked.cell_bytes);
        let lines = target.stream.map.dirty_lines_in(start..stop);
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        request.put(place, &lines.to_le_bytes())?;
        start = stop;
        place = place.saturating_add(size_of::<u32>());
    }
    Ok(())
}
