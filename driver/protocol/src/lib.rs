//! IOCTL codes and wire structures of `\\.\DaxFlush`, shared by the driver and its clients.
//!
//! Every request is METHOD_BUFFERED, of fixed little-endian layout and free of pointers. Authority
//! comes from the file handle inside a request: the kernel checks that the caller itself holds it
//! with write access.
#![no_std]
#![forbid(unsafe_code)]

mod ioctl;
mod log;
mod reply;
mod request;

pub use ioctl::Ioctl;
pub use log::{
    CloseLogRequest, CreateLogRequest, LOG_MAGIC, LogReply, MAX_LOG_ENTRIES, MIN_LOG_ENTRIES,
    log_bytes, log_layout,
};
pub use reply::{CommitReply, Statistics, VersionReply};
pub use request::{CommitRequest, FileRange, MAX_RANGES, MarkDirty, MarkDirtyHeader};

/// Version of these structures; a client must refuse a driver that reports another.
pub const PROTOCOL_VERSION: u32 = 1;
/// The name that user mode opens.
pub const USER_PATH: &str = r"\\.\DaxFlush";
/// The device's name in the kernel's namespace.
pub const DEVICE_NAME: &str = r"\Device\DaxFlush";
/// The link through which [`USER_PATH`] reaches the device.
pub const LINK_NAME: &str = r"\DosDevices\DaxFlush";
