//! Control codes, composed as CTL_CODE does (reference: "Defining I/O Control Codes").

/// A vendor-defined device type (0x8000 and above).
const DEVICE_TYPE: u32 = 0xDAF5;
const METHOD_BUFFERED: u32 = 0;

/// What the I/O manager asks of the handle before the driver sees a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RequiredAccess {
    /// FILE_ANY_ACCESS: any handle will do.
    Any = 0,
    /// FILE_READ_ACCESS: a handle with FILE_READ_DATA, which every authenticated user can have.
    Read = 1,
    /// FILE_WRITE_ACCESS: a handle with FILE_WRITE_DATA, which administrators and SYSTEM can have.
    Write = 2,
}

const fn ctl_code(function: u32, access: RequiredAccess) -> u32 {
    (DEVICE_TYPE << 16) | ((access as u32) << 14) | (function << 2) | METHOD_BUFFERED
}

macro_rules! ioctls {
    ($($(#[$doc:meta])* $name:ident = $function:literal, $access:ident;)*) => {
        /// The operations of the control device.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Ioctl {
            $($(#[$doc])* $name = ctl_code($function, RequiredAccess::$access),)*
        }

        impl Ioctl {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as it is spelled here.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

ioctls! {
    /// Input nothing or a [`VersionRequest`](crate::VersionRequest); answers
    /// [`VersionReply`](crate::VersionReply).
    Version = 0x800, Any;
    /// No input; answers [`Information`](crate::Information).
    Information = 0x801, Read;
    /// Input [`StatisticsRequest`](crate::StatisticsRequest); answers
    /// [`StatisticsReply`](crate::StatisticsReply).
    Statistics = 0x802, Read;
    /// Input [`ListRequest`](crate::ListRequest); answers a list of
    /// [`VolumeRecord`](crate::VolumeRecord).
    Volumes = 0x803, Read;
    /// Input [`StreamsRequest`](crate::StreamsRequest); answers a list of
    /// [`StreamRecord`](crate::StreamRecord). It shows the names of everybody's files.
    Streams = 0x804, Write;
    /// Input [`DirtyLinesRequest`](crate::DirtyLinesRequest); answers a list of `u32`, one for each
    /// cell.
    DirtyLines = 0x805, Read;
    /// Input [`MarkDirty`](crate::MarkDirty): stores made through a mapped view; no answer.
    MarkDirty = 0x810, Read;
    /// Input [`CommitRequest`](crate::CommitRequest); answers [`CommitReply`](crate::CommitReply).
    Commit = 0x811, Read;
    /// No input; answers [`DrainReply`](crate::DrainReply): ends what this handle's commits without
    /// a drain have begun.
    Drain = 0x812, Read;
    /// Input [`CreateLogRequest`](crate::CreateLogRequest); answers [`LogReply`](crate::LogReply).
    CreateLog = 0x820, Read;
    /// Input [`CloseLogRequest`](crate::CloseLogRequest); no answer.
    CloseLog = 0x821, Read;
    /// Input [`AttachLogRequest`](crate::AttachLogRequest); answers [`LogReply`](crate::LogReply).
    AttachLog = 0x822, Read;
    /// Input [`GetTokenRequest`](crate::GetTokenRequest); answers [`TokenReply`](crate::TokenReply).
    GetToken = 0x830, Read;
    /// Input [`TokenRequest`](crate::TokenRequest); no answer.
    FreeToken = 0x831, Read;
    /// Input [`FlushToken`](crate::FlushToken); answers [`TokenFlushReply`](crate::TokenFlushReply).
    FlushToken = 0x832, Read;
    /// Input [`WriteToken`](crate::WriteToken); no answer.
    WriteToken = 0x833, Read;
    /// Input [`FillTokenRequest`](crate::FillTokenRequest); no answer.
    FillToken = 0x834, Read;
    /// Input [`TokenRequest`](crate::TokenRequest); no answer.
    DrainToken = 0x835, Read;
    /// Input [`TraceRequest`](crate::TraceRequest); answers [`TraceReply`](crate::TraceReply).
    Trace = 0x840, Write;
    /// No input; answers [`SelfTestReply`](crate::SelfTestReply).
    SelfTest = 0x850, Write;
    /// No input; answers a list of [`SettingRecord`](crate::SettingRecord).
    Settings = 0x860, Read;
    /// Input [`SetSettingRequest`](crate::SetSettingRequest); answers
    /// [`SettingRecord`](crate::SettingRecord).
    SetSetting = 0x861, Write;
}

impl Ioctl {
    /// The operation of a control code, if it is one of ours.
    pub fn from_code(code: u32) -> Option<Self> {
        let known = |ioctl: &&Self| ioctl.code() == code;
        Self::ALL.iter().find(known).copied()
    }

    /// The value for DeviceIoControl's `dwIoControlCode`.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// What the I/O manager asks of the handle.
    pub const fn access(self) -> RequiredAccess {
        match (self.code() >> 14) & 3 {
            0 => RequiredAccess::Any,
            1 => RequiredAccess::Read,
            _ => RequiredAccess::Write,
        }
    }
}
