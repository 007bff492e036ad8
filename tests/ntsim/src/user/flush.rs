//! Flushes of files, directories, volumes and views.

use super::{FlushKind, MappedView};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{ACQUIRE_FOR_CC_FLUSH, FLUSH_BUFFERS, RELEASE_FOR_CC_FLUSH},
    objects::{FILE_WRITE_DATA, Handle},
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
    /// What the filter answered; STATUS_ACCESS_DENIED without write access; STATUS_INVALID_PARAMETER
    /// for a kind that is not for volumes or directories; STATUS_USER_MAPPED_FILE if a section is in
    /// the way of a purge.
    pub fn flush_file(&self, handle: Handle, kind: FlushKind) -> Result<(), NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        let id = self.file_of(object);
        let access = {
            let state = self.kernel.lock();
            state.handles.get(&handle.0).map_or(0, |entry| entry.access)
        };
        if access & FILE_WRITE_DATA == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let whole_volume = id.is_none();
        let wrong = match kind {
            FlushKind::Normal | FlushKind::AndPurge => false,
            FlushKind::DataOnly | FlushKind::NoSync => whole_volume,
            FlushKind::DataSyncOnly => whole_volume || self.kernel.is_directory(object),
        };
        if wrong {
            return Err(NtStatus::INVALID_PARAMETER);
        }
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
