//! What an administrator sets in the service's `Parameters` key, read when the driver starts.

use crate::nt::{name::Name, registry::ServiceKey, status::NtStatus, view::MAX_VIEWS};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use daxflush_nvmem::Method;

const FLUSH_METHOD: Name<11> = Name::ascii("FlushMethod");
const MAPPED_POLICY: Name<12> = Name::ascii("MappedPolicy");
const CLEANUP_COMMITS: Name<14> = Name::ascii("CleanupCommits");
const TRACKING: Name<11> = Name::ascii("TrackingKiB");
const VIEWS: Name<8> = Name::ascii("MaxViews");
const VIEW_MEMORY: Name<10> = Name::ascii("MaxViewMiB");
const WINDOW: Name<13> = Name::ascii("ViewWindowMiB");

/// The settings in force.
pub static SETTINGS: Settings = Settings {
    cleanup_commits: AtomicBool::new(true),
    trusts_reports: AtomicBool::new(false),
    tracking_kib: AtomicU32::new(1024),
    max_views: AtomicU32::new(1024),
    max_view_mib: AtomicU32::new(64 << 10),
    window_mib: AtomicU32::new(1024),
};

/// See the README's table for what each is for.
pub struct Settings {
    cleanup_commits: AtomicBool,
    trusts_reports: AtomicBool,
    tracking_kib: AtomicU32,
    max_views: AtomicU32,
    max_view_mib: AtomicU32,
    window_mib: AtomicU32,
}

const MIB: u64 = 1 << 20;

impl Settings {
    /// Takes what is set; what is not keeps its default.
    ///
    /// # Errors
    /// INVALID_PARAMETER for a value that is none or beyond its limits; the registry's.
    pub fn read(&self, service: &ServiceKey) -> Result<(), NtStatus> {
        let views = u32::try_from(MAX_VIEWS).unwrap_or(u32::MAX);
        let cleanup = number(service, &CLEANUP_COMMITS, 1, 0, 1)?;
        self.cleanup_commits.store(cleanup != 0, Relaxed);
        let trusts = match service.text(&MAPPED_POLICY)? {
            None => false,
            Some(text) => match text.as_str() {
                "conservative" => false,
                "reported" => true,
                _ => return Err(NtStatus::INVALID_PARAMETER),
            },
        };
        self.trusts_reports.store(trusts, Relaxed);
        self.max_views
            .store(number(service, &VIEWS, 1024, 1, views)?, Relaxed);
        let tracking = number(service, &TRACKING, 1024, 64, 1 << 20)?;
        self.tracking_kib.store(tracking, Relaxed);
        let memory = number(service, &VIEW_MEMORY, 64 << 10, 1, 64 << 20)?;
        self.max_view_mib.store(memory, Relaxed);
        let window = number(service, &WINDOW, 1024, 1, 1 << 20)?;
        self.window_mib.store(window, Relaxed);
        Ok(())
    }

    /// Whether the last use of a handle is a commit point.
    pub fn cleanup_commits(&self) -> bool {
        self.cleanup_commits.load(Relaxed)
    }

    /// Whether a program that maps a file is believed to report its stores.
    pub fn trusts_reports(&self) -> bool {
        self.trusts_reports.load(Relaxed)
    }

    /// Bytes of memory for each volume's dirty maps.
    pub fn tracking_bytes(&self) -> u64 {
        u64::from(self.tracking_kib.load(Relaxed)) << 10
    }

    /// Views that may be open at once.
    pub fn max_views(&self) -> usize {
        self.max_views.load(Relaxed) as usize
    }

    /// Bytes of files that may be mapped at once.
    pub fn max_view_bytes(&self) -> u64 {
        u64::from(self.max_view_mib.load(Relaxed)).saturating_mul(MIB)
    }

    /// Bytes of one file that are mapped at once.
    pub fn window_bytes(&self) -> u64 {
        u64::from(self.window_mib.load(Relaxed)).saturating_mul(MIB)
    }
}

/// The value of `FlushMethod`: `auto` and no value leave the choice to the processor.
///
/// # Errors
/// INVALID_PARAMETER for a name that is no method of this architecture; the registry's.
pub fn flush_method(service: &ServiceKey) -> Result<Option<Method>, NtStatus> {
    match service.text(&FLUSH_METHOD)? {
        None => Ok(None),
        Some(text) if text.as_str() == "auto" => Ok(None),
        Some(text) => Method::from_name(text.as_str())
            .map(Some)
            .ok_or(NtStatus::INVALID_PARAMETER),
    }
}

fn number<const N: usize>(
    service: &ServiceKey,
    name: &Name<N>,
    default: u32,
    least: u32,
    most: u32,
) -> Result<u32, NtStatus> {
    let value = service.number(name)?.unwrap_or(default);
    (least..=most)
        .contains(&value)
        .then_some(value)
        .ok_or(NtStatus::INVALID_PARAMETER)
}
