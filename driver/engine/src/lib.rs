//! Which cache lines of a stream are dirty, and how a commit makes them durable.
//!
//! A [`DirtyMap`] holds one bit for each line; writers [`mark`](DirtyMap::mark) without a lock and
//! a [`Committer`] collects the bits as maximal [`Run`]s, flushes them in batches through a
//! [`Backing`] and drains once. Nothing here knows a Windows type, and nothing here is unsafe.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "model"))]
extern crate std;

mod commit;
mod group;
mod log;
mod map;
mod mapped;
pub mod mistake;
mod reserve;
mod run;
mod statistics;
mod sync;

pub use commit::{Backing, Committed, Committer};
pub use group::{Arrival, Group};
pub use log::{Drained, LogReader};
pub use map::DirtyMap;
pub use mapped::Mappers;
pub use reserve::Reserve;
pub use run::{BATCH, LEAF_SPAN, LINE_SIZE, MAX_OFFSET, Run, Slice, Slices};
pub use statistics::{BUCKETS, Counter, Counts, Histogram, Statistics};
