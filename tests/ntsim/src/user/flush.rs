//! Flushes of files, directories, volumes and views.

use super::{FlushKind, MappedView};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{ACQUIRE_FOR_CC_FLUSH, FLUSH_BUFFERS, RELEASE_FOR_CC_FLUSH},
    objects::Handle,
};

impl Sim {
    /// FlushFileBuffers, of a file, a directory or a volume. The simulated file system has nothing
    /// of its own to flush.
    ///
    /// # Errors
    /// What the filter answered.
    pub fn flush_file_buffers(&self, handle: Handle) -> Result<(), NtStatus> {
        self.flush_file(handle, FlushKind::Normal)
    }

    /// NtFlushBuffersFileEx.
    ///
    /// # Errors
    /// What the filter answered; STATUS_USER_MAPPED_FILE if a section is in the way of a purge.
    pub fn flush_file(&self, handle: Handle, kind: FlushKind) -> Result<(), NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        let id = self.file_of(object);
        let parameters = Parameters::Flush {
            minor: kind.minor(),
        };
        let act = || match id.filter(|_| kind == FlushKind::AndPurge) {
            Some(id) => self.kernel.purge_sections(id).map(|()| 0),
            None => Ok(0),
        };
        self.dispatch(FLUSH_BUFFERS, volume, object, parameters, act)
            .map(|_| ())
    }

    /// FlushViewOfFile. Its range does not reach the filter: IRP_MJ_ACQUIRE_FOR_CC_FLUSH has none.
    ///
    /// # Errors
    /// What the filter answered.
    pub fn flush_view_of_file(
        &self,
        view: &MappedView,
        _offset: u64,
        _length: u64,
    ) -> Result<(), NtStatus> {
        let (volume, object) = (view.volume, view.file_object);
        self.dispatch(
            ACQUIRE_FOR_CC_FLUSH,
            volume,
            object,
            Parameters::None,
            || Ok(0),
        )?;
        self.dispatch(
            RELEASE_FOR_CC_FLUSH,
            volume,
            object,
            Parameters::None,
            || Ok(0),
        )
        .map(|_| ())
    }
}
