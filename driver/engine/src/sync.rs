//! The atomics: the processor's, or under the concurrency models shuttle's, which try schedules.

#[cfg(not(feature = "model"))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(feature = "model")]
pub(crate) use shuttle::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
    thread::yield_now as spin_loop,
};
