//! The only unsafe code of the client: addresses that the platform maps, the fault handlers, and
//! Windows' calls.

#[cfg(target_os = "linux")]
mod linux;
mod log;
mod platform;
mod regions;
#[cfg(target_os = "linux")]
mod remote;
#[cfg(target_os = "linux")]
mod simulated;
mod store;
mod tracked;
mod view;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux::{change_protection, install};
#[cfg(windows)]
use windows::{change_protection, install};

pub(super) use log::SharedLog;
pub use platform::{DeviceAccess, Mapping, Platform};
pub use regions::MAX_REGIONS;
#[cfg(target_os = "linux")]
pub use remote::{NoView, Remote, RemoteHandle};
#[cfg(target_os = "linux")]
pub use simulated::Simulated;
pub use store::store;
pub use tracked::{FaultHandler, Tracked};
pub use view::View;
#[cfg(windows)]
pub use windows::{Session, Windows};

/// Bytes of a page: the unit of first-write tracking.
pub const PAGE: usize = 4096;
