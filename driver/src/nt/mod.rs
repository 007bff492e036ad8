//! Safe wrappers over the kernel calls the driver uses: the only place with raw FFI.

pub mod context;
mod deferred;
pub mod device;
mod entry;
pub mod event_log;
pub mod file;
pub mod flt;
pub mod handover;
pub mod instance;
pub mod irql;
pub mod minifilter;
pub mod name;
pub mod names;
pub mod operation;
mod pool2;
pub mod process;
pub mod processor;
pub mod push_lock;
pub mod registry;
pub mod request;
pub mod scratch;
pub mod section;
mod security;
pub mod shared;
pub mod shared_memory;
pub mod status;
pub mod time;
pub mod trace;
pub mod view;
pub mod wait;
mod wdk_layout;

pub use entry::{prepare_memory, register, withdraw};
