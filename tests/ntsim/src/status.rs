//! NTSTATUS values that the simulated kernel returns.

use std::fmt;

/// A status code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NtStatus(pub i32);

macro_rules! statuses {
    ($($name:ident = $value:literal),* $(,)?) => {
        #[allow(missing_docs, reason = "the names are the documentation")]
        impl NtStatus {
            $(pub const $name: Self = Self($value as u32 as i32);)*

            fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(concat!("STATUS_", stringify!($name))),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    SUCCESS = 0,
    REPARSE = 0x00000104_u32,
    BUFFER_OVERFLOW = 0x80000005_u32,
    INFO_LENGTH_MISMATCH = 0xC0000004_u32,
    ACCESS_VIOLATION = 0xC0000005_u32,
    INVALID_HANDLE = 0xC0000008_u32,
    INVALID_PARAMETER = 0xC000000D_u32,
    NO_SUCH_DEVICE = 0xC000000E_u32,
    INVALID_DEVICE_REQUEST = 0xC0000010_u32,
    END_OF_FILE = 0xC0000011_u32,
    NO_MEMORY = 0xC0000017_u32,
    NOT_MAPPED_VIEW = 0xC0000019_u32,
    INVALID_VIEW_SIZE = 0xC000001F_u32,
    INVALID_FILE_FOR_SECTION = 0xC0000020_u32,
    ACCESS_DENIED = 0xC0000022_u32,
    BUFFER_TOO_SMALL = 0xC0000023_u32,
    OBJECT_TYPE_MISMATCH = 0xC0000024_u32,
    NOT_LOCKED = 0xC000002A_u32,
    OBJECT_NAME_NOT_FOUND = 0xC0000034_u32,
    OBJECT_NAME_COLLISION = 0xC0000035_u32,
    OBJECT_PATH_NOT_FOUND = 0xC000003A_u32,
    SECTION_TOO_BIG = 0xC0000040_u32,
    QUOTA_EXCEEDED = 0xC0000044_u32,
    INVALID_PAGE_PROTECTION = 0xC0000045_u32,
    UNKNOWN_REVISION = 0xC0000058_u32,
    REVISION_MISMATCH = 0xC0000059_u32,
    INVALID_ACL = 0xC0000077_u32,
    INVALID_SID = 0xC0000078_u32,
    INVALID_SECURITY_DESCR = 0xC0000079_u32,
    ALLOTTED_SPACE_EXCEEDED = 0xC0000099_u32,
    SECTION_PROTECTION = 0xC000004E_u32,
    FILE_LOCK_CONFLICT = 0xC0000054_u32,
    DELETE_PENDING = 0xC0000056_u32,
    DISK_FULL = 0xC000007F_u32,
    INSUFFICIENT_RESOURCES = 0xC000009A_u32,
    FILE_IS_A_DIRECTORY = 0xC00000BA_u32,
    NOT_SUPPORTED = 0xC00000BB_u32,
    DEVICE_DOES_NOT_EXIST = 0xC00000C0_u32,
    NOT_SAME_DEVICE = 0xC00000D4_u32,
    INVALID_PARAMETER_4 = 0xC00000F2_u32,
    INVALID_PARAMETER_6 = 0xC00000F4_u32,
    INVALID_PARAMETER_8 = 0xC00000F6_u32,
    INVALID_PARAMETER_9 = 0xC00000F7_u32,
    DIRECTORY_NOT_EMPTY = 0xC0000101_u32,
    NOT_A_DIRECTORY = 0xC0000103_u32,
    CANNOT_DELETE = 0xC0000121_u32,
    FILE_DELETED = 0xC0000123_u32,
    FILE_CLOSED = 0xC0000128_u32,
    INVALID_DEVICE_STATE = 0xC0000184_u32,
    MAPPED_ALIGNMENT = 0xC0000220_u32,
    NOT_FOUND = 0xC0000225_u32,
    USER_MAPPED_FILE = 0xC0000243_u32,
    REPARSE_POINT_NOT_RESOLVED = 0xC0000280_u32,
    VOLUME_DISMOUNTED = 0xC000026E_u32,
    FLT_CONTEXT_ALREADY_DEFINED = 0xC01C0002_u32,
    FLT_DISALLOW_FAST_IO = 0xC01C0004_u32,
    FLT_INVALID_NAME_REQUEST = 0xC01C0005_u32,
    FLT_NOT_SAFE_TO_POST_OPERATION = 0xC01C0006_u32,
    FLT_POST_OPERATION_CLEANUP = 0xC01C0009_u32,
    FLT_DELETING_OBJECT = 0xC01C000B_u32,
    FLT_DO_NOT_ATTACH = 0xC01C000F_u32,
    FLT_DO_NOT_DETACH = 0xC01C0010_u32,
    FLT_INSTANCE_NAME_COLLISION = 0xC01C0012_u32,
    FLT_VOLUME_NOT_FOUND = 0xC01C0014_u32,
    FLT_INSTANCE_NOT_FOUND = 0xC01C0015_u32,
    FLT_NAME_CACHE_MISS = 0xC01C0018_u32,
}

impl NtStatus {
    /// NT_SUCCESS (using-ntstatus-values).
    pub fn is_success(self) -> bool {
        self.0 >= 0
    }

    /// NT_ERROR: neither a success nor a warning.
    pub fn is_error(self) -> bool {
        (self.0 as u32) >> 30 == 3
    }

    /// As a result.
    pub fn check(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({:#010x})",
            self.name().unwrap_or("NTSTATUS"),
            self.0
        )
    }
}

impl fmt::Debug for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NtStatus {}
