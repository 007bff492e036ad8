//! What the driver is, and how much of its limits is used.

use super::{client, quota};
use crate::{
    filter::{self, LOADED},
    nt::{
        device::{self, ControlRequest},
        status::NtStatus,
        time, view,
    },
    settings::SETTINGS,
};
use core::sync::atomic::Ordering::Relaxed;
use daxflush_nvmem::Method;
use daxflush_protocol::{
    Information, MAX_RANGES, MAX_WRITE, OLDEST_VERSION, PROTOCOL_VERSION, Setting, VersionReply,
    VersionRequest, feature, setting_flag,
};

pub fn version(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    let newest = if request.input().is_empty() {
        PROTOCOL_VERSION
    } else {
        let theirs: VersionRequest = request.read()?;
        if theirs.oldest > theirs.newest {
            return Err(NtStatus::INVALID_PARAMETER);
        }
        if theirs.newest < OLDEST_VERSION || theirs.oldest > PROTOCOL_VERSION {
            return Err(NtStatus::REVISION_MISMATCH);
        }
        theirs.newest
    };
    let memory = view::memory();
    request.answer(&VersionReply {
        protocol: newest.min(PROTOCOL_VERSION),
        oldest: OLDEST_VERSION,
        driver: driver_version(),
        method: method_number(memory.method()),
        line_size: count(memory.line_size()),
        max_ranges: count(MAX_RANGES),
        features: feature::ALL,
    })
}

pub fn information(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    request.has_no_input()?;
    request.check_space::<Information>()?;
    let memory = view::memory();
    let (logs, tokens) = quota::used();
    let mut volumes = 0_usize;
    filter::each_volume(|_| {
        volumes = volumes.saturating_add(1);
        Ok(())
    })?;
    let refused =
        |setting: &&Setting| SETTINGS.record(**setting).flags & setting_flag::REFUSED != 0;
    request.answer(&Information {
        protocol: PROTOCOL_VERSION,
        line_size: count(memory.line_size()),
        driver: driver_version(),
        method: method_number(memory.method()),
        features: feature::ALL,
        eadr: u32::from(memory.method() == Method::NoFlush),
        trace_level: SETTINGS.trace_level(),
        max_ranges: count(MAX_RANGES),
        max_write: count(MAX_WRITE),
        max_logs: count(client::MAX_LOGS),
        max_tokens: count(client::MAX_TOKENS),
        max_all_logs: count(quota::MAX_LOGS),
        max_all_tokens: count(quota::MAX_TOKENS),
        max_handles: count(device::MAX_HANDLES),
        handles: count(device::open_handles()),
        logs: count(logs),
        tokens: count(tokens),
        volumes: count(volumes),
        refused_settings: count(Setting::ALL.iter().filter(refused).count()),
        uptime: time::now().saturating_sub(LOADED.load(Relaxed)),
    })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn driver_version() -> [u16; 3] {
    let part = |text: &str| text.parse().unwrap_or(0);
    [
        part(env!("CARGO_PKG_VERSION_MAJOR")),
        part(env!("CARGO_PKG_VERSION_MINOR")),
        part(env!("CARGO_PKG_VERSION_PATCH")),
    ]
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
