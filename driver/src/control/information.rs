//! What the driver is and what it has done.

use crate::{
    filter::{self, STATISTICS},
    nt::{device::ControlRequest, section, status::NtStatus},
};
use daxflush_engine::MAX_OFFSET;
use daxflush_nvmem::Method;
use daxflush_protocol::{MAX_RANGES, PROTOCOL_VERSION, Statistics, VersionReply};
use zerocopy::IntoBytes;

pub fn version(request: &mut ControlRequest<'_>) -> Result<usize, NtStatus> {
    let part = |text: &str| text.parse().unwrap_or(0);
    let memory = section::memory();
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
        ..Statistics::default()
    };
    filter::each_stream(|stream| {
        reply.streams = reply.streams.saturating_add(1);
        let end = stream.view.shared().as_ref().map(section::View::end);
        reply.views = reply.views.saturating_add(u64::from(end.is_some()));
        let lines = stream.map.dirty_lines(end.unwrap_or(MAX_OFFSET));
        reply.dirty_lines = reply.dirty_lines.saturating_add(lines);
        Ok(())
    })?;
    request.answer(reply.as_bytes())
}
