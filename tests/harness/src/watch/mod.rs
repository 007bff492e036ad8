//! A live terminal screen of what the driver does.
//!
//! A [`Source`] is sampled again and again; a [`State`] works out what has changed since the sample
//! before, and [`draw`] shows it.

mod alerts;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod device;
mod draw;
mod interval;
pub mod latency;
mod picture;
mod source;
mod state;
mod terminal;
pub mod text;
mod theme;

#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub use device::DeviceSource;
pub use draw::draw;
pub use picture::screenshot_svg;
pub use source::{Sample, Source, SourceError, Stream, Streams, Volume};
pub use state::{Flow, Sort, State, Window};
pub use terminal::{WatchError, watch};

use std::time::Duration;

/// How the screen begins.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Between two samples.
    pub interval: Duration,
    /// Which streams are shown first.
    pub sort: Sort,
    /// Whose commits the latency histogram shows.
    pub window: Window,
    /// Whether to use colours.
    pub color: bool,
}

impl Default for WatchOptions {
    /// A sample each second; colours unless the environment's NO_COLOR is set and not empty.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            sort: Sort::default(),
            window: Window::default(),
            color: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}
