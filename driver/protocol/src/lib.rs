//! IOCTL codes and wire structures of `\\\\.\\DaxFlush`, shared by the driver and its clients.
//!
//! Every request is METHOD_BUFFERED, of fixed little-endian layout and free of pointers, the same for
//! 32-bit and 64-bit programs. Its input is exactly as long as its structure says, or it is refused
//! with STATUS_INVALID_PARAMETER. Its answer begins with a [`ReplyHeader`]. Authority comes from the
//! access of the handle of the control device ([`Ioctl::access`]) and, where a request names a file,
//! from the file handle in it: the kernel checks that the caller itself holds it with write access.
#![no_std]
#![forbid(unsafe_code)]

mod information;
mod ioctl;
mod list;
mod log;
mod request;
mod setting;
mod statistics;
mod token;
mod wire;

pub use information::{
    Information, OLDEST_VERSION, PROTOCOL_VERSION, SelfTestReply, TraceReply, TraceRequest,
    VersionReply, VersionRequest, feature, method_name, self_test,
};
pub use ioctl::{Ioctl, RequiredAccess};
pub use list::{
    DirtyLinesRequest, LIST_BYTES, ListRequest, MAX_CELLS, NEVER, Record, StreamRecord,
    StreamsRequest, VolumeRecord, record_bytes, records, stream_flag, volume_flag,
};
pub use log::{
    AttachLogRequest, CloseLogRequest, CreateLogRequest, LOG_MAGIC, LogReply, MAX_LOG_ENTRIES,
    MIN_LOG_ENTRIES, log_bytes, log_layout,
};
pub use request::{
    CommitReply, CommitRequest, DrainReply, FileRange, MAX_RANGES, MarkDirty, MarkDirtyHeader,
    commit_flag,
};
pub use setting::{SetSettingRequest, Setting, SettingRecord, set_flag, setting_flag};
pub use statistics::{
    HISTOGRAM_BUCKETS, Histogram, Statistics, StatisticsReply, StatisticsRequest, scope,
};
pub use token::{
    FillTokenRequest, FlushToken, FlushTokenHeader, GetTokenRequest, MAX_FILL, MAX_WRITE,
    TokenFlushReply, TokenReply, TokenRequest, WriteToken, WriteTokenHeader, flush_flag,
    write_flag,
};
pub use wire::{ReplyHeader, reply_bytes};

/// The name that user mode opens.
pub const USER_PATH: &str = r"\\.\DaxFlush";
/// The device's name in the kernel's namespace.
pub const DEVICE_NAME: &str = r"\Device\DaxFlush";
/// The link through which [`USER_PATH`] reaches the device.
pub const LINK_NAME: &str = r"\DosDevices\DaxFlush";
