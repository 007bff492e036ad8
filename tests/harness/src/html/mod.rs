//! A page that shows what the driver did: one HTML file that needs nothing else.
//!
//! [`ReportData`] is collected from a replay or from a driver at work, can be kept as JSON, and
//! becomes a [`page`] then or later.

mod collect;
mod data;
mod escape;
mod live;
mod page;
mod plot;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod replay;
mod tables;

pub use data::{Driver, FileTotals, HeatMap, Latency, Origin, Point, ReportData, Summary};
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub use live::DeviceFile;
pub use live::{DirtyCells, LiveOptions, collect_live};
pub use page::{PageError, page};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use replay::{CollectedReplay, Collector, collect_replay};
