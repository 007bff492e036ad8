//! How programs open, write and flush files.

use crate::{
    NtStatus,
    dispatch::{SET_INFORMATION, WRITE},
};

/// What a handle may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// GENERIC_READ.
    Read,
    /// GENERIC_READ and GENERIC_WRITE.
    #[default]
    ReadWrite,
}

/// What CreateFile does with a name that exists, or does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// CREATE_NEW (FILE_CREATE).
    CreateNew,
    /// OPEN_EXISTING (FILE_OPEN).
    OpenExisting,
    /// OPEN_ALWAYS (FILE_OPEN_IF).
    #[default]
    OpenAlways,
    /// TRUNCATE_EXISTING (FILE_OVERWRITE).
    TruncateExisting,
    /// CREATE_ALWAYS (FILE_OVERWRITE_IF).
    CreateAlways,
    /// FILE_SUPERSEDE, which NtCreateFile knows and CreateFile does not.
    Supersede,
}

impl Disposition {
    /// The CreateDisposition of NtCreateFile (nf-ntifs-ntcreatefile).
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Supersede => 0,
            Self::OpenExisting => 1,
            Self::CreateNew => 2,
            Self::OpenAlways => 3,
            Self::TruncateExisting => 4,
            Self::CreateAlways => 5,
        }
    }

    /// Whether a file that exists loses its data.
    pub(crate) fn empties(self) -> bool {
        matches!(
            self,
            Self::Supersede | Self::TruncateExisting | Self::CreateAlways
        )
    }
}

/// How a file is opened, beyond its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateFileOptions {
    /// What the handle is for.
    pub access: Access,
    /// What to do with a name that exists, or does not.
    pub disposition: Disposition,
    /// FILE_FLAG_WRITE_THROUGH.
    pub write_through: bool,
    /// FILE_FLAG_NO_BUFFERING.
    pub no_intermediate_buffering: bool,
    /// FILE_FLAG_OVERLAPPED: the file object has no file pointer.
    pub asynchronous: bool,
    /// FILE_FLAG_DELETE_ON_CLOSE.
    pub delete_on_close: bool,
}

/// How a write is asked for, and how the file system answers it.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// As fast I/O (FastIoWrite) and not as an IRP.
    pub fast_io: bool,
    /// IRP_NOCACHE.
    pub no_cache: bool,
    /// SL_WRITE_THROUGH: this one write is durable when it completes.
    pub write_through: bool,
    /// IRP_PAGING_IO: by the memory manager, through the block stack.
    pub paging: bool,
    /// The sender is a driver that leaves the file pointer to the file system: ByteOffset is
    /// FILE_USE_FILE_POINTER_POSITION, for [`crate::Sim::write_at_current_position_with`].
    pub position_in_request: bool,
    /// The file system stores that many bytes and then fails.
    pub fail: Option<(usize, NtStatus)>,
    /// The file system stores that many bytes and says so.
    pub short: Option<usize>,
}

/// The kinds of flush of NtFlushBuffersFileEx (nf-ntifs-ntflushbuffersfileex).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushKind {
    /// Data, metadata and the device.
    Normal,
    /// FLUSH_FLAGS_FILE_DATA_ONLY.
    DataOnly,
    /// FLUSH_FLAGS_NO_SYNC.
    NoSync,
    /// FLUSH_FLAGS_FILE_DATA_SYNC_ONLY.
    DataSyncOnly,
    /// FLUSH_FLAGS_FLUSH_AND_PURGE: cached copies go, and with them sections that are not in use.
    AndPurge,
}

impl FlushKind {
    /// The minor code of IRP_MJ_FLUSH_BUFFERS (wdm.h).
    pub(crate) fn minor(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::AndPurge => 1,
            Self::DataOnly => 2,
            Self::NoSync => 3,
            Self::DataSyncOnly => 4,
        }
    }
}

/// The identity of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u64);

/// A moment in an operation at which another processor may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsEvent {
    /// All pre-operations are done, and the file system is about to act.
    BeforeAction {
        /// IRP_MJ_XXX.
        major: u8,
        /// The file object.
        file: usize,
    },
    /// The file system has acted, and no post-operation has been called.
    AfterAction {
        /// IRP_MJ_XXX.
        major: u8,
        /// The file object.
        file: usize,
    },
}

impl FsEvent {
    /// Whether the file system has just changed a size or a disposition.
    pub fn is_after_set_information(&self) -> bool {
        matches!(
            self,
            Self::AfterAction {
                major: SET_INFORMATION,
                ..
            }
        )
    }

    /// Whether a write's data is about to be stored.
    pub fn is_before_write(&self) -> bool {
        matches!(self, Self::BeforeAction { major: WRITE, .. })
    }
}
