//! What a program calls: files, mappings, flushes.

mod asked;
mod control;
mod create;
mod flush;
mod information;
mod map;
mod mdl;
mod options;
mod write;

pub use map::MappedView;
pub use mdl::MdlWrite;
pub use options::{
    Access, CreateFileOptions, Disposition, FileId, FlushKind, FsEvent, WriteOptions,
};

use crate::{NtStatus, Sim, dispatch::Hook, objects::Handle, objects::Target};

/// An open file: its file object, stream and volume.
pub(crate) struct Opened {
    pub object: usize,
    pub file: u64,
    pub volume: usize,
    pub access: u32,
}

impl Sim {
    /// The identity of a handle's stream.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn file_id(&self, handle: Handle) -> Result<FileId, NtStatus> {
        self.opened(handle).map(|file| FileId(file.file))
    }

    /// Sets what is called before and after the file system acts on an operation. What the hook
    /// itself does calls no hook.
    pub fn set_file_system_hook(&self, hook: Option<Hook>) {
        *self.kernel.hook.lock().expect("hook") = hook;
    }

    /// Gives back a reference of the I/O manager's, which may end the file object, the stream and
    /// its contexts.
    pub(crate) fn release(&self, object: usize) {
        let released = self.driver_code(|| self.kernel.release_own(object));
        released.expect("a thread for the driver");
    }

    pub(crate) fn split(&self, path: &str) -> Result<(usize, String), NtStatus> {
        let state = self.kernel.lock();
        let letter = path
            .chars()
            .next()
            .map(|letter| letter.to_ascii_uppercase());
        let volume = state
            .volumes
            .iter()
            .position(|volume| Some(volume.letter) == letter);
        let name = path.get(2..).filter(|name| name.starts_with('\\'));
        let name = name.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        Ok((volume.ok_or(NtStatus::NO_SUCH_DEVICE)?, name.to_uppercase()))
    }

    pub(crate) fn file_object(&self, handle: Handle) -> Result<(usize, usize), NtStatus> {
        let state = self.kernel.lock();
        let Target::File(object) = state.program_handle(handle)?.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        let file = state
            .file_objects
            .get(&object)
            .ok_or(NtStatus::INVALID_HANDLE)?;
        Ok((object, file.volume))
    }

    pub(crate) fn opened(&self, handle: Handle) -> Result<Opened, NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        let access = self
            .kernel
            .lock()
            .handles
            .get(&handle.0)
            .map_or(0, |entry| entry.access);
        let file = self.file_of(object).ok_or(NtStatus::INVALID_PARAMETER)?;
        Ok(Opened {
            object,
            file,
            volume,
            access,
        })
    }

    pub(crate) fn file_of(&self, object: usize) -> Option<u64> {
        self.kernel.lock().file_objects.get(&object)?.file
    }
}
