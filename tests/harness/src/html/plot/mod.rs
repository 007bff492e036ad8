//! Plots, as SVG that takes its text colour from the page around it.

mod axis;
mod heat;
mod latency;
mod lines;
mod picture;

pub use heat::heat_map;
pub use latency::latency;
pub use lines::{cumulative, over_time};
pub use picture::PlotError;
