//! Why a routine refused.

use core::fmt;

/// Why a routine refused. A refused call has flushed nothing and changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The token, a range or a flag is not valid: `STATUS_INVALID_PARAMETER`.
    InvalidParameter,
    /// No token slot is free, or a token has 65,551 users: `STATUS_INSUFFICIENT_RESOURCES`.
    InsufficientResources,
    /// No flush method has been chosen yet: `STATUS_DEVICE_NOT_READY`.
    NotReady,
    /// The processor has no usable flush instruction: `STATUS_NOT_SUPPORTED`.
    NotSupported,
}

impl Error {
    /// The `NTSTATUS` value of this error.
    #[must_use]
    pub const fn to_ntstatus(self) -> i32 {
        let status: u32 = match self {
            Self::InvalidParameter => 0xC000_000D,
            Self::InsufficientResources => 0xC000_009A,
            Self::NotReady => 0xC000_00A3,
            Self::NotSupported => 0xC000_00BB,
        };
        status.cast_signed()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidParameter => "the token, a range or a flag is not valid",
            Self::InsufficientResources => "no token slot is free",
            Self::NotReady => "no flush method has been chosen yet",
            Self::NotSupported => "the processor has no usable flush instruction",
        })
    }
}

impl core::error::Error for Error {}
