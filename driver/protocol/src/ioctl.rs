//! Control codes, composed as CTL_CODE does (reference: "Defining I/O Control Codes").

/// A vendor-defined device type (0x8000 and above).
const DEVICE_TYPE: u32 = 0xDAF5;
const METHOD_BUFFERED: u32 = 0;
const FILE_ANY_ACCESS: u32 = 0;

const fn ctl_code(function: u32) -> u32 {
    (DEVICE_TYPE << 16) | (FILE_ANY_ACCESS << 14) | (function << 2) | METHOD_BUFFERED
}

/// The operations of the control device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Ioctl {
    /// No input; answers [`VersionReply`](crate::VersionReply).
    Version = ctl_code(0x800),
    /// No input; answers [`Statistics`](crate::Statistics).
    Statistics = ctl_code(0x801),
    /// Input [`MarkDirty`](crate::MarkDirty): stores made through a mapped view; no answer.
    MarkDirty = ctl_code(0x810),
    /// Input [`CommitRequest`](crate::CommitRequest); answers [`CommitReply`](crate::CommitReply).
    Commit = ctl_code(0x811),
    /// Input [`CreateLogRequest`](crate::CreateLogRequest); answers [`LogReply`](crate::LogReply).
    CreateLog = ctl_code(0x820),
    /// Input [`CloseLogRequest`](crate::CloseLogRequest); no answer.
    CloseLog = ctl_code(0x821),
}

impl Ioctl {
    /// The operation of a control code, if it is one of ours.
    pub fn from_code(code: u32) -> Option<Self> {
        [
            Self::Version,
            Self::Statistics,
            Self::MarkDirty,
            Self::Commit,
            Self::CreateLog,
            Self::CloseLog,
        ]
        .into_iter()
        .find(|ioctl| ioctl.code() == code)
    }

    /// The value for DeviceIoControl's `dwIoControlCode`.
    pub const fn code(self) -> u32 {
        self as u32
    }
}
