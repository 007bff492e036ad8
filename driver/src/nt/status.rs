//! NTSTATUS as a type whose failures cannot be taken for success.

use wdk_sys::NTSTATUS;

/// A status code; `Result<_, NtStatus>` carries only failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct NtStatus(NTSTATUS);

impl NtStatus {
    pub const SUCCESS: Self = Self(0);
    pub const REVISION_MISMATCH: Self = Self::from_code(0xC000_0059);
    pub const ACCESS_DENIED: Self = Self::from_code(0xC000_0022);
    pub const INVALID_PARAMETER: Self = Self::from_code(0xC000_000D);
    pub const INVALID_DEVICE_REQUEST: Self = Self::from_code(0xC000_0010);
    pub const END_OF_FILE: Self = Self::from_code(0xC000_0011);
    pub const BUFFER_TOO_SMALL: Self = Self::from_code(0xC000_0023);
    pub const OBJECT_NAME_NOT_FOUND: Self = Self::from_code(0xC000_0034);
    pub const BUFFER_OVERFLOW: Self = Self::from_code(0x8000_0005);
    pub const FILE_LOCK_CONFLICT: Self = Self::from_code(0xC000_0054);
    pub const INSUFFICIENT_RESOURCES: Self = Self::from_code(0xC000_009A);
    pub const NOT_SUPPORTED: Self = Self::from_code(0xC000_00BB);
    pub const DEVICE_DOES_NOT_EXIST: Self = Self::from_code(0xC000_00C0);
    pub const QUOTA_EXCEEDED: Self = Self::from_code(0xC000_0044);
    pub const FILE_DELETED: Self = Self::from_code(0xC000_0123);
    pub const FILE_CLOSED: Self = Self::from_code(0xC000_0128);
    pub const RETRY: Self = Self::from_code(0xC000_022D);
    pub const FLT_CONTEXT_ALREADY_DEFINED: Self = Self::from_code(0xC01C_0002);
    pub const FLT_DISALLOW_FAST_IO: Self = Self::from_code(0xC01C_0004);
    pub const FLT_DO_NOT_ATTACH: Self = Self::from_code(0xC01C_000F);
    pub const FLT_DO_NOT_DETACH: Self = Self::from_code(0xC01C_0010);
    pub const FLT_DELETING_OBJECT: Self = Self::from_code(0xC01C_000B);

    const fn from_code(code: u32) -> Self {
        Self(code.cast_signed())
    }

    pub const fn from_raw(raw: NTSTATUS) -> Self {
        Self(raw)
    }

    pub const fn raw(self) -> NTSTATUS {
        self.0
    }

    /// NT_SUCCESS: success and informational codes.
    pub const fn is_success(self) -> bool {
        self.0 >= 0
    }

    /// NT_ERROR: neither success nor a warning, which brings data with it.
    pub const fn is_error(self) -> bool {
        self.0.cast_unsigned() >> 30 == 3
    }

    /// The Filter Manager's own codes as one that user mode has an error for: RtlNtStatusToDosError does
    /// not list them, and a program would read "message not found".
    pub const fn for_programs(self) -> Self {
        const FACILITY_FILTER_MANAGER: u32 = 0x1C;
        if (self.0.cast_unsigned() >> 16) & 0xfff == FACILITY_FILTER_MANAGER {
            Self::NOT_SUPPORTED
        } else {
            self
        }
    }

    /// What a routine returned, as a result.
    pub const fn check(raw: NTSTATUS) -> Result<(), Self> {
        if raw >= 0 { Ok(()) } else { Err(Self(raw)) }
    }

    /// The code to return for a result.
    pub fn of(result: Result<(), Self>) -> Self {
        result.err().unwrap_or(Self::SUCCESS)
    }
}
