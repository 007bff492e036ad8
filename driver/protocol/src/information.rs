//! What the driver is, how it is set, and where its limits are.

use crate::wire::wire;

/// Version of these structures.
pub const PROTOCOL_VERSION: u32 = 2;
/// The oldest version that the driver still understands.
pub const OLDEST_VERSION: u32 = 2;

/// Bits of [`VersionReply::features`].
pub mod feature {
    /// Dirty logs.
    pub const LOGS: u64 = 1 << 0;
    /// Tokens: the Rtl*NonVolatile* family on regions of files.
    pub const TOKENS: u64 = 1 << 1;
    /// Commits without a drain, and the drain.
    pub const NO_DRAIN: u64 = 1 << 2;
    /// TraceLogging events.
    pub const TRACE: u64 = 1 << 3;
    /// The self-test.
    pub const SELF_TEST: u64 = 1 << 4;
    /// Settings that change while the driver runs.
    pub const SETTINGS: u64 = 1 << 5;
    /// All of them.
    pub const ALL: u64 = LOGS | TOKENS | NO_DRAIN | TRACE | SELF_TEST | SETTINGS;
}

wire! {
    /// The versions that a client understands, for [`Ioctl::Version`](crate::Ioctl::Version). If
    /// the driver's are all others the request fails with STATUS_REVISION_MISMATCH.
    pub struct VersionRequest {
        /// The newest.
        pub newest: u32,
        /// The oldest.
        pub oldest: u32,
    }

    /// Answer to [`Ioctl::Version`](crate::Ioctl::Version).
    pub struct VersionReply {
        /// The version to speak: the newest that both sides understand.
        pub protocol: u32,
        /// The oldest that the driver understands.
        pub oldest: u32,
        /// Driver version: major, minor and patch number.
        pub driver: [u16; 3],
        /// The flush instruction in use: see [`method_name`].
        pub method: u16,
        /// Bytes that one flush instruction covers.
        pub line_size: u32,
        /// The most ranges that one [`MarkDirty`](crate::MarkDirty) may carry.
        pub max_ranges: u32,
        /// What the driver can do: bits of [`feature`].
        pub features: u64,
    }

    /// Answer to [`Ioctl::Information`](crate::Ioctl::Information).
    pub struct Information {
        /// As in [`VersionReply`].
        pub protocol: u32,
        /// Bytes that one flush instruction covers.
        pub line_size: u32,
        /// Driver version: major, minor and patch number.
        pub driver: [u16; 3],
        /// The flush instruction in use: see [`method_name`].
        pub method: u16,
        /// Bits of [`feature`].
        pub features: u64,
        /// Whether the caches survive a power cut: 0 unknown, so that everything is flushed; 1 said by
        /// the administrator (`FlushMethod` none).
        pub eadr: u32,
        /// Events that are written when somebody listens: 0 none to 5 all.
        pub trace_level: u32,
        /// Limit: ranges of one report or token flush.
        pub max_ranges: u32,
        /// Limit: bytes of one write through a token.
        pub max_write: u32,
        /// Limit: dirty logs of one handle.
        pub max_logs: u32,
        /// Limit: tokens of one handle.
        pub max_tokens: u32,
        /// Limit: dirty logs of all handles.
        pub max_all_logs: u32,
        /// Limit: tokens of all handles.
        pub max_all_tokens: u32,
        /// Limit: handles of the control device.
        pub max_handles: u32,
        /// Handles of the control device now.
        pub handles: u32,
        /// Dirty logs now, of all handles.
        pub logs: u32,
        /// Tokens now, of all handles.
        pub tokens: u32,
        /// Volumes that the filter is attached to.
        pub volumes: u32,
        /// Settings whose stored value was refused, so that the default is in force.
        pub refused_settings: u32,
        /// Since the driver was loaded, in units of 100 ns.
        pub uptime: u64,
    }

    /// Answer to [`Ioctl::SelfTest`](crate::Ioctl::SelfTest).
    pub struct SelfTestReply {
        /// Checks made: see [`self_test`].
        pub checks: u32,
        /// Those that failed, of the bits of [`self_test`].
        pub failed: u32,
        /// Lines flushed in scratch memory.
        pub lines: u64,
        /// For that, in units of 100 ns.
        pub time: u64,
    }

    /// Sets which events are written when somebody listens.
    pub struct TraceRequest {
        /// 0 none, 1 critical, 2 errors, 3 warnings, 4 information, 5 all.
        pub level: u32,
        /// Must be 0.
        pub reserved: u32,
    }

    /// Answer to [`Ioctl::Trace`](crate::Ioctl::Trace).
    pub struct TraceReply {
        /// The level now.
        pub level: u32,
        /// 1 if an ETW session has the provider enabled.
        pub listened: u32,
    }
}

/// Checks of the self-test, as bits; in the order in which they are made.
pub mod self_test {
    /// A map that is marked gives back the lines that were marked.
    pub const MAP: u32 = 1 << 0;
    /// A commit flushes as many lines as were dirty, with one drain.
    pub const COMMIT: u32 = 1 << 1;
    /// A commit that cannot flush leaves its lines dirty.
    pub const FAILURE: u32 = 1 << 2;
    /// Writes and fills through a token store what they should.
    pub const WRITE: u32 = 1 << 3;
    /// A range beyond the token's region is refused, and nothing is flushed.
    pub const BOUNDS: u32 = 1 << 4;
    /// A token that was freed is refused.
    pub const STALE: u32 = 1 << 5;
    /// All of them.
    pub const ALL: u32 = MAP | COMMIT | FAILURE | WRITE | BOUNDS | STALE;
    /// Their names, by bit.
    pub const NAMES: [&str; 6] = [
        "dirty map",
        "commit",
        "failed commit",
        "write and fill",
        "bounds",
        "stale token",
    ];
}

/// The name of [`VersionReply::method`].
pub const fn method_name(method: u16) -> &'static str {
    match method {
        0 => "none",
        1 => "clflush",
        2 => "clflushopt",
        3 => "clwb",
        4 => "dc-cvac",
        5 => "dc-cvap",
        6 => "dc-cvadp",
        _ => "unknown",
    }
}
