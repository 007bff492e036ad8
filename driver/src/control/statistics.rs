//! Counters and histograms: of everything, a volume, or a stream.

use super::{lists, stores::Target};
use crate::{
    filter::{self, STATISTICS, Stream, Volume, views},
    nt::{device::ControlRequest, status::NtStatus},
};
use daxflush_engine::{self as engine, MAX_OFFSET, Reserve};
use daxflush_protocol::{
    HISTOGRAM_BUCKETS, Histogram, Statistics, StatisticsReply, StatisticsRequest, scope,
};

const _: () = assert!(engine::BUCKETS == HISTOGRAM_BUCKETS);

pub fn statistics(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let asked: StatisticsRequest = request.read()?;
    if asked.reserved != 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    request.check_space::<StatisticsReply>()?;
    let reply = match asked.scope {
        scope::ALL if asked.id == 0 => everything()?,
        scope::VOLUME => of_volume(&*lists::volume(asked.id)?)?,
        scope::FILE => of_stream(&Target::of(asked.id, request)?.stream),
        _ => return Err(NtStatus::INVALID_PARAMETER),
    };
    request.answer(&reply)
}

fn everything() -> Result<StatisticsReply, NtStatus> {
    let mut reply = copy(&STATISTICS);
    let counters = &mut reply.counters;
    (counters.views, counters.view_bytes) = views::totals();
    filter::each_volume(|volume| add_state(counters, volume))?;
    Ok(reply)
}

fn of_volume(volume: &Volume) -> Result<StatisticsReply, NtStatus> {
    let mut reply = copy(&volume.statistics);
    let counters = &mut reply.counters;
    add_state(counters, volume)?;
    volume.each(|stream| {
        add(&mut counters.writes, stream.statistics.writes.get());
        add(&mut counters.views, u64::from(stream.view.end().is_some()));
        Ok(())
    })?;
    Ok(reply)
}

fn of_stream(stream: &Stream) -> StatisticsReply {
    let mut reply = copy(&stream.statistics);
    reply.counters.streams = 1;
    reply.counters.dirty_lines = dirty_lines(stream);
    reply.counters.views = u64::from(stream.view.end().is_some());
    reply
}

/// Lines of a stream that are dirty, as far as its end is known.
pub fn dirty_lines(stream: &Stream) -> u64 {
    stream
        .map
        .dirty_lines(stream.view.end().unwrap_or(MAX_OFFSET))
}

fn copy(from: &engine::Statistics) -> StatisticsReply {
    let now = from.snapshot();
    StatisticsReply {
        counters: Statistics {
            writes: now.writes,
            reports: now.reports,
            commits: now.commits,
            failed_commits: now.failed_commits,
            ranges: now.ranges,
            batches: now.batches,
            lines: now.lines,
            coarse_lines: now.coarse_lines,
            drains: now.drains,
            joined_commits: now.joined_commits,
            log_entries: now.log_entries,
            log_overflows: now.log_overflows,
            coarse_marks: now.coarse_marks,
            refused: now.refused,
            evicted_views: now.evicted_views,
            section_conflicts: now.section_conflicts,
            view_failures: now.view_failures,
            ..Statistics::default()
        },
        commit_time: histogram(&from.commit_time),
        commit_lines: histogram(&from.commit_lines),
    }
}

fn histogram(from: &engine::Histogram) -> Histogram {
    let (buckets, sum) = from.snapshot();
    Histogram { buckets, sum }
}

/// Adds what a volume and its streams have now.
fn add_state(counters: &mut Statistics, volume: &Volume) -> Result<(), NtStatus> {
    let (used, limit) = tracking(&volume.reserve);
    add(&mut counters.tracking_bytes, used);
    add(&mut counters.tracking_limit, limit);
    add(&mut counters.coarse_marks, volume.reserve.coarse_marks());
    volume.each(|stream| {
        add(&mut counters.streams, 1);
        add(&mut counters.dirty_lines, dirty_lines(stream));
        Ok(())
    })
}

/// Bytes of tracking memory in use, and in all.
pub fn tracking(reserve: &Reserve) -> (u64, u64) {
    (reserve.used_bytes(), reserve.bytes())
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
