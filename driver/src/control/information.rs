//! What the driver is and what it has done.

use crate::{
    filter::{self, STATISTICS, views},
    nt::{device::ControlRequest, status::NtStatus, view},
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use daxflush_nvmem::Method;
use daxflush_protocol::{MAX_RANGES, PROTOCOL_VERSION, Statistics, VersionReply};
use zerocopy::IntoBytes;

pub fn version(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let part = |text: &str| text.parse().unwrap_or(0);
    let memory = view::memory();
    let reply = VersionReply {
        protocol: PROTOCOL_VERSION,
        driver: [
            part(env!("CARGO_PKG_VERSION_MAJOR")),
            part(env!("CARGO_PKG_VERSION_MINOR")),
            part(env!("CARGO_PKG_VERSION_PATCH")),
        ],
        method: method_number(memory.method()),
        line_size: u32::try_from(memory.line_size()).unwrap_or(0),
        max_ranges: MAX_RANGES as u32,
    };
    request.answer(reply.as_bytes())
}

fn method_number(method: Method) -> u16 {
    match method {
        Method::NoFlush => 0,
        #[cfg(target_arch = "x86_64")]
        Method::Clflush => 1,
        #[cfg(target_arch = "x86_64")]
        Method::ClflushOpt => 2,
        #[cfg(target_arch = "x86_64")]
        Method::Clwb => 3,
        #[cfg(target_arch = "aarch64")]
        Method::DcCvac => 4,
        #[cfg(target_arch = "aarch64")]
        Method::DcCvap => 5,
        #[cfg(target_arch = "aarch64")]
        Method::DcCvadp => 6,
    }
}

pub fn statistics(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let now = STATISTICS.snapshot();
    let (views, view_bytes) = views::totals();
    let mut reply = Statistics {
        writes: now.writes,
        reports: now.reports,
        commits: now.commits,
        failed_commits: now.failed_commits,
        ranges: now.ranges,
        batches: now.batches,
        lines: now.lines,
        coarse_lines: now.coarse_lines,
        drains: now.drains,
        views,
        joined_commits: now.joined_commits,
        log_entries: now.log_entries,
        log_overflows: now.log_overflows,
        coarse_marks: now.coarse_marks,
        refused: now.refused,
        evicted_views: now.evicted_views,
        section_conflicts: now.section_conflicts,
        view_failures: now.view_failures,
        view_bytes,
        ..Statistics::default()
    };
    filter::each_volume(|volume| {
        let reserve = &volume.reserve;
        let node = Reserve::NODE_BYTES as u64;
        let used = reserve.nodes().saturating_sub(reserve.free_nodes());
        reply.coarse_marks = reply.coarse_marks.saturating_add(reserve.coarse_marks());
        add(
            &mut reply.tracking_bytes,
            u64::from(used).saturating_mul(node),
        );
        add(
            &mut reply.tracking_limit,
            u64::from(reserve.nodes()).saturating_mul(node),
        );
        volume.each(|stream| {
            add(&mut reply.streams, 1);
            let end = stream.view.end().unwrap_or(MAX_OFFSET);
            add(&mut reply.dirty_lines, stream.map.dirty_lines(end));
            Ok(())
        })
    })?;
    request.answer(reply.as_bytes())
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
