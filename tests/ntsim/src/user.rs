//! What a program calls: files, mappings, flushes.

use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{
        ACQUIRE_FOR_CC_FLUSH, ACQUIRE_FOR_SECTION_SYNCHRONIZATION, CLEANUP, CREATE, FLUSH_BUFFERS,
        Hook, Outcome, READ, RELEASE_FOR_CC_FLUSH, RELEASE_FOR_SECTION_SYNCHRONIZATION,
        SET_INFORMATION, WRITE,
    },
    kernel::State,
    nt::{file_object, put},
    objects::{FILE_READ_DATA, FILE_WRITE_DATA, Handle, Target},
};
use ntsim_machine::pmem::View;

/// What a handle may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// GENERIC_READ.
    Read,
    /// GENERIC_READ and GENERIC_WRITE.
    ReadWrite,
}

/// What CreateFile does with a name that exists, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// CREATE_NEW.
    CreateNew,
    /// OPEN_EXISTING.
    OpenExisting,
    /// OPEN_ALWAYS.
    OpenAlways,
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

/// A view of a file in the program's address space.
pub struct MappedView {
    view: View,
    file: u64,
    file_object: usize,
    volume: usize,
    writable: bool,
}

impl MappedView {
    /// Address of the first byte.
    pub fn base(&self) -> usize {
        self.view.base()
    }

    /// Length in bytes, up to the end of the last page.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// CPU stores.
    ///
    /// # Panics
    /// The range is not within the view.
    pub fn store(&self, offset: u64, data: &[u8]) {
        let end = offset.checked_add(data.len() as u64);
        assert!(
            end.is_some_and(|end| end <= self.view.len() as u64),
            "a store beyond the view"
        );
        let target = (self.view.base() + offset as usize) as *mut u8;
        // SAFETY: within the writable view, which nothing borrows.
        unsafe { target.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }
}

const FILE_DISPOSITION_INFORMATION: i32 = 13;
const FILE_END_OF_FILE_INFORMATION: i32 = 20;
const PAGE_READONLY: u32 = 2;
const PAGE_READWRITE: u32 = 4;

/// An open file: its file object, stream and volume.
struct Opened {
    object: usize,
    file: u64,
    volume: usize,
    access: u32,
}

impl Sim {
    /// CreateFile, with every sharing allowed; paths like `D:\folder\name`.
    ///
    /// # Errors
    /// As CreateFile's, as NTSTATUS.
    pub fn create_file(
        &self,
        path: &str,
        access: Access,
        disposition: Disposition,
    ) -> Result<Handle, NtStatus> {
        let (volume, name) = self.split(path)?;
        let access = match access {
            Access::Read => FILE_READ_DATA,
            Access::ReadWrite => FILE_READ_DATA | FILE_WRITE_DATA,
        };
        let object = self.kernel.lock().new_file_object(volume, None, access);
        let opened = self.dispatch(CREATE, volume, object, Parameters::None, || {
            self.open(object, volume, name, disposition)
        });
        if let Err(status) = opened {
            self.kernel.release_own(object);
            return Err(status);
        }
        Ok(Handle(self.kernel.lock().insert_handle(
            Target::File(object),
            access,
            false,
        )))
    }

    /// The file system's part of a create.
    fn open(&self, object: usize, volume: usize, name: String, how: Disposition) -> Outcome {
        let limit = self.kernel.pmem.size();
        let mut state = self.kernel.lock();
        let id = match (state.find_file(volume, &name), how) {
            (Some(_), Disposition::CreateNew) => return Err(NtStatus::OBJECT_NAME_COLLISION),
            (None, Disposition::OpenExisting) => return Err(NtStatus::OBJECT_NAME_NOT_FOUND),
            (Some(id), _) => id,
            (None, _) => state.new_file(volume, name, limit)?,
        };
        let fcb = state.fcb_mut(id)?;
        if fcb.delete_pending {
            return Err(NtStatus::DELETE_PENDING);
        }
        fcb.handles += 1;
        fcb.file_objects += 1;
        state.bind(object, id);
        Ok(0)
    }

    /// A handle to the volume itself, such as `\\.\D:`.
    ///
    /// # Errors
    /// There is no such volume.
    pub fn open_volume(&self, letter: char) -> Result<Handle, NtStatus> {
        let (volume, _) = self.split(&format!("{letter}:\\"))?;
        let access = FILE_READ_DATA | FILE_WRITE_DATA;
        let object = self.kernel.lock().new_file_object(volume, None, access);
        // SAFETY: a file object of ours.
        unsafe { put(object, file_object::FLAGS, file_object::FO_VOLUME_OPEN) };
        self.dispatch(CREATE, volume, object, Parameters::None, || Ok(0))?;
        Ok(Handle(self.kernel.lock().insert_handle(
            Target::File(object),
            access,
            false,
        )))
    }

    /// WriteFile at an offset.
    ///
    /// # Errors
    /// As WriteFile's, as NTSTATUS.
    pub fn write_file(&self, handle: Handle, offset: u64, data: &[u8]) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        if file.access & FILE_WRITE_DATA == 0 {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let at = i64::try_from(offset).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        let parameters = Parameters::Write { offset: at, data };
        self.dispatch(WRITE, file.volume, file.object, parameters, || {
            self.store(&file, offset, data)
        })
    }

    /// WriteFile at the end of the file (an offset of -1).
    ///
    /// # Errors
    /// As WriteFile's, as NTSTATUS.
    pub fn append_file(&self, handle: Handle, data: &[u8]) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        let parameters = Parameters::Write { offset: -1, data };
        self.dispatch(WRITE, file.volume, file.object, parameters, || {
            let end = self.kernel.lock().fcb(file.file)?.size;
            self.store(&file, end, data)
        })
    }

    fn store(&self, file: &Opened, offset: u64, data: &[u8]) -> Outcome {
        let count = self.kernel.write(file.file, offset, data)?;
        self.set_file_pointer(file.object, offset + count as u64);
        Ok(count)
    }

    /// ReadFile at an offset.
    ///
    /// # Errors
    /// STATUS_END_OF_FILE, and as ReadFile's.
    pub fn read_file(
        &self,
        handle: Handle,
        offset: u64,
        data: &mut [u8],
    ) -> Result<usize, NtStatus> {
        let file = self.opened(handle)?;
        self.dispatch(READ, file.volume, file.object, Parameters::None, || {
            self.kernel.read(file.file, offset, data)
        })
    }

    /// FlushFileBuffers, of a file or of a volume. The simulated file system has nothing of its
    /// own to flush.
    ///
    /// # Errors
    /// What the filter answered.
    pub fn flush_file_buffers(&self, handle: Handle) -> Result<(), NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        self.dispatch(FLUSH_BUFFERS, volume, object, Parameters::None, || Ok(0))
            .map(|_| ())
    }

    /// SetEndOfFile.
    ///
    /// # Errors
    /// STATUS_USER_MAPPED_FILE if a section is in the way.
    pub fn set_end_of_file(&self, handle: Handle, size: u64) -> Result<(), NtStatus> {
        let file = self.opened(handle)?;
        let buffer = (size as i64).to_le_bytes();
        let class = FILE_END_OF_FILE_INFORMATION;
        let parameters = Parameters::SetInformation {
            class,
            buffer: &buffer,
        };
        let act = || self.kernel.set_size(file.file, size).map(|()| 0);
        self.dispatch(SET_INFORMATION, file.volume, file.object, parameters, act)
            .map(|_| ())
    }

    /// SetFileInformationByHandle with FileDispositionInfo: deletes when the last handle closes.
    ///
    /// # Errors
    /// As its.
    pub fn set_disposition(&self, handle: Handle, delete: bool) -> Result<(), NtStatus> {
        let file = self.opened(handle)?;
        let buffer = [u8::from(delete)];
        let class = FILE_DISPOSITION_INFORMATION;
        let parameters = Parameters::SetInformation {
            class,
            buffer: &buffer,
        };
        let act = || {
            self.kernel.lock().fcb_mut(file.file)?.delete_pending = delete;
            Ok(0)
        };
        self.dispatch(SET_INFORMATION, file.volume, file.object, parameters, act)
            .map(|_| ())
    }

    /// The size of a file.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn file_size(&self, handle: Handle) -> Result<u64, NtStatus> {
        let file = self.opened(handle)?;
        self.kernel.lock().fcb(file.file).map(|fcb| fcb.size)
    }

    /// CloseHandle.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn close_handle(&self, handle: Handle) -> Result<(), NtStatus> {
        let entry = self.kernel.lock().handles.get(&handle.0).cloned();
        let entry = entry
            .filter(|entry| !entry.kernel)
            .ok_or(NtStatus::INVALID_HANDLE)?;
        match entry.target {
            Target::Device(file) => self.close_device(file),
            Target::Section(_) | Target::Key(_) => return Err(NtStatus::INVALID_HANDLE),
            Target::File(object) => {
                let (_, volume) = self.file_object(handle)?;
                let id = self.file_of(object);
                let _ = self.dispatch(CLEANUP, volume, object, Parameters::None, || match id {
                    Some(id) => self.kernel.cleanup(id, object),
                    None => Ok(0),
                });
                self.release(object);
            }
        }
        self.kernel.lock().handles.remove(&handle.0);
        Ok(())
    }

    /// CreateFileMapping and MapViewOfFile of a part of a file.
    ///
    /// # Errors
    /// As theirs; the range must be within the file and begin on a page.
    pub fn map_view(
        &self,
        handle: Handle,
        offset: u64,
        length: u64,
        writable: bool,
    ) -> Result<MappedView, NtStatus> {
        let file = self.opened(handle)?;
        let (size, region) = {
            let state = self.kernel.lock();
            let fcb = state.fcb(file.file)?;
            (fcb.size, fcb.region)
        };
        let end = offset
            .checked_add(length)
            .ok_or(NtStatus::INVALID_VIEW_SIZE)?;
        if length == 0 || !offset.is_multiple_of(4096) || end > size {
            return Err(NtStatus::INVALID_VIEW_SIZE);
        }
        let protection = if writable {
            PAGE_READWRITE
        } else {
            PAGE_READONLY
        };
        let sync = Parameters::SectionSync { protection };
        let (volume, object) = (file.volume, file.object);
        self.dispatch(
            ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
            volume,
            object,
            sync,
            || Ok(0),
        )?;
        let release = RELEASE_FOR_SECTION_SYNCHRONIZATION;
        self.dispatch(release, volume, object, Parameters::None, || Ok(0))?;
        let view = self
            .kernel
            .pmem
            .map(region + offset, length.next_multiple_of(4096), writable);
        let view = view.map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        let mut state = self.kernel.lock();
        let fcb = state.fcb_mut(file.file)?;
        fcb.user_views += 1;
        fcb.writable_views += u32::from(writable);
        if let Some(kept) = state.file_objects.get_mut(&object) {
            kept.references += 1;
            kept.own += 1;
        }
        Ok(MappedView {
            view,
            file: file.file,
            file_object: object,
            volume,
            writable,
        })
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

    /// UnmapViewOfFile.
    pub fn unmap_view(&self, view: MappedView) {
        if let Ok(fcb) = self.kernel.lock().fcb_mut(view.file) {
            fcb.user_views -= 1;
            fcb.writable_views -= u32::from(view.writable);
        }
        self.release(view.file_object);
    }

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
    fn release(&self, object: usize) {
        let released = self.driver_code(|| self.kernel.release_own(object));
        released.expect("a thread for the driver");
    }

    fn split(&self, path: &str) -> Result<(usize, String), NtStatus> {
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

    fn file_object(&self, handle: Handle) -> Result<(usize, usize), NtStatus> {
        let state = self.kernel.lock();
        let entry = state
            .handles
            .get(&handle.0)
            .ok_or(NtStatus::INVALID_HANDLE)?;
        let Target::File(object) = entry.target else {
            return Err(NtStatus::INVALID_HANDLE);
        };
        let file = state
            .file_objects
            .get(&object)
            .ok_or(NtStatus::INVALID_HANDLE)?;
        Ok((object, file.volume))
    }

    fn opened(&self, handle: Handle) -> Result<Opened, NtStatus> {
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

    fn file_of(&self, object: usize) -> Option<u64> {
        self.kernel.lock().file_objects.get(&object)?.file
    }
}

impl State {
    /// Makes a file object one of a stream.
    fn bind(&mut self, object: usize, id: u64) {
        let fcb = self.files.get(&id);
        let pointers = fcb.map_or(0, |fcb| fcb.section_object_pointers.address());
        if let Some(file) = self.file_objects.get_mut(&object) {
            file.file = Some(id);
            // SAFETY: a file object of ours.
            unsafe { put(file.block.address(), file_object::FS_CONTEXT, id) };
            let at = file.block.address();
            // SAFETY: as above.
            unsafe { put(at, file_object::SECTION_OBJECT_POINTER, pointers) };
            // SAFETY: as above.
            unsafe {
                put(
                    file.block.address(),
                    file_object::FLAGS,
                    file_object::FO_SYNCHRONOUS_IO,
                )
            };
        }
    }
}
