//! Opening and closing.

use super::{
    Access, CreateFileOptions, Disposition,
    asked::{Asked, FILE_SYNCHRONOUS_IO_NONALERT, Security},
};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{CLEANUP, CREATE, Outcome},
    files::{Kind, Name, ROOT},
    kernel::State,
    nt::{file_object as fo, flt_io_parameter_block as pb, get, put},
    objects::{FILE_READ_DATA, FILE_WRITE_DATA, Handle, Target},
};
use std::cell::RefCell;

/// What a create has done, as IoStatus.Information (irp-mj-create).
mod result {
    pub const SUPERSEDED: usize = 0;
    pub const OPENED: usize = 1;
    pub const CREATED: usize = 2;
    pub const OVERWRITTEN: usize = 3;
    pub const EXISTS: usize = 4;
    pub const DOES_NOT_EXIST: usize = 5;
}

/// Reparse points in a row.
const MAX_REPARSES: usize = 31;

impl Sim {
    /// CreateFile, with every sharing allowed; paths like `D:\folder\name` and `D:\name:stream`.
    ///
    /// # Errors
    /// As CreateFile's, as NTSTATUS.
    pub fn create_file(
        &self,
        path: &str,
        access: Access,
        disposition: Disposition,
    ) -> Result<Handle, NtStatus> {
        let options = CreateFileOptions {
            access,
            disposition,
            ..CreateFileOptions::default()
        };
        self.create_file_with(path, options)
    }

    /// CreateFile with flags.
    ///
    /// # Errors
    /// As CreateFile's, as NTSTATUS.
    pub fn create_file_with(
        &self,
        path: &str,
        options: CreateFileOptions,
    ) -> Result<Handle, NtStatus> {
        let kind = Kind::File;
        self.create(path, Asked { options, kind })
    }

    /// CreateDirectory.
    ///
    /// # Errors
    /// STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_PATH_NOT_FOUND.
    pub fn create_directory(&self, path: &str) -> Result<(), NtStatus> {
        let options = CreateFileOptions {
            disposition: Disposition::CreateNew,
            ..CreateFileOptions::default()
        };
        let kind = Kind::Directory;
        let handle = self.create(path, Asked { options, kind })?;
        self.close_handle(handle)
    }

    /// Opens a directory, which is made if it does not exist; `D:\` is the root.
    ///
    /// # Errors
    /// As CreateFile's, as NTSTATUS.
    pub fn open_directory(&self, path: &str) -> Result<Handle, NtStatus> {
        let options = CreateFileOptions::default();
        let kind = Kind::Directory;
        self.create(path, Asked { options, kind })
    }

    /// Makes a name a reparse point that leads to another path.
    ///
    /// # Errors
    /// The name is taken.
    pub fn make_reparse_point(&self, path: &str, target: &str) -> Result<(), NtStatus> {
        let (volume, name) = self.split(path)?;
        let (name, room) = (Name::new(&name), self.kernel.room());
        let mut state = self.kernel.lock();
        if state.find_file(volume, &name).is_some() {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        let id = state.new_file(volume, &name, Kind::File, room)?;
        state.fcb_mut(id)?.reparse = Some(target.to_owned());
        Ok(())
    }

    /// The I/O manager's part of a create, which is tried again with the target of a reparse point.
    fn create(&self, path: &str, asked: Asked) -> Result<Handle, NtStatus> {
        let mut path = path.to_owned();
        for _ in 0..MAX_REPARSES {
            match self.try_create(&path, asked)? {
                Ok(handle) => return Ok(handle),
                Err(target) => path = target,
            }
        }
        Err(NtStatus::REPARSE_POINT_NOT_RESOLVED)
    }

    /// A handle, or where a reparse point leads.
    fn try_create(&self, path: &str, asked: Asked) -> Result<Result<Handle, String>, NtStatus> {
        let (volume, name) = self.split(path)?;
        let access = asked.access();
        let object = self.kernel.lock().new_file_object(volume, None, access);
        // SAFETY: a file object of ours. The I/O manager sets the flags before it asks.
        unsafe { put(object, fo::FLAGS, asked.file_object_flags()) };
        let security = Security::new(access, asked.create_options());
        let parameters = security.create(asked.create_options(), 0);
        let reparse = RefCell::new(None);
        let opened = self.dispatch(CREATE, volume, object, parameters, || {
            self.open(object, volume, &name, &asked, &reparse)
        });
        if let Some(target) = reparse.into_inner() {
            self.release(object);
            return Ok(Err(target));
        }
        if let Err(status) = opened {
            self.release(object);
            return Err(status);
        }
        let mut state = self.kernel.lock();
        let handle = state.insert_handle(Target::File(object), access, false);
        Ok(Ok(Handle(handle)))
    }

    /// The file system's part of a create.
    fn open(
        &self,
        object: usize,
        volume: usize,
        name: &str,
        asked: &Asked,
        reparse: &RefCell<Option<String>>,
    ) -> Outcome {
        let (name, room) = (Name::new(name), self.kernel.room());
        let how = asked.options.disposition;
        let (id, done) = {
            let mut state = self.kernel.lock();
            state.ensure_root(volume, room)?;
            match (state.find_file(volume, &name), how) {
                (Some(_), Disposition::CreateNew) => return Err(NtStatus::OBJECT_NAME_COLLISION),
                (None, Disposition::OpenExisting | Disposition::TruncateExisting) => {
                    state.check_parent(volume, &name.file)?;
                    return Err(NtStatus::OBJECT_NAME_NOT_FOUND);
                }
                (Some(id), Disposition::Supersede) => (id, result::SUPERSEDED),
                (Some(id), how) if how.empties() => (id, result::OVERWRITTEN),
                (Some(id), _) => (id, result::OPENED),
                (None, _) => {
                    let id = state.new_file(volume, &name, asked.kind, room)?;
                    (id, result::CREATED)
                }
            }
        };
        let target = self.kernel.lock().fcb(id)?.reparse.clone();
        if target.is_some() {
            *reparse.borrow_mut() = target;
            return Err(NtStatus::REPARSE);
        }
        let link = self
            .kernel
            .lock()
            .check_open(volume, id, &name, asked.kind)?;
        if done != result::CREATED && how.empties() {
            self.kernel.empty(id)?;
        }
        self.kernel.lock().bind(object, id, link)?;
        Ok(done)
    }

    /// Opens the directory of a target of a rename or link (SL_OPEN_TARGET_DIRECTORY).
    pub(super) fn open_target_directory(
        &self,
        volume: usize,
        name: &str,
    ) -> Result<usize, NtStatus> {
        const FILE_OPEN: u32 = 1 << 24;
        let object = self.kernel.lock().new_file_object(volume, None, 0);
        let options = FILE_OPEN | FILE_SYNCHRONOUS_IO_NONALERT;
        // SAFETY: a file object of ours.
        unsafe { put(object, fo::FLAGS, fo::FO_SYNCHRONOUS_IO) };
        let security = Security::new(FILE_WRITE_DATA, options);
        let parameters = security.create(options, pb::SL_OPEN_TARGET_DIRECTORY);
        let opened = self.dispatch(CREATE, volume, object, parameters, || {
            let room = self.kernel.room();
            let mut state = self.kernel.lock();
            state.ensure_root(volume, room)?;
            state.check_parent(volume, name)?;
            let parent = state.find_link(volume, Name::parent(name));
            let (id, link) = parent.map(|(id, link)| (id, link.id)).unwrap_or_default();
            let exists = state.find_link(volume, name).is_some();
            state.bind(object, id, link)?;
            Ok(if exists {
                result::EXISTS
            } else {
                result::DOES_NOT_EXIST
            })
        });
        opened.map(|_| object).inspect_err(|_| self.release(object))
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
        unsafe { put(object, fo::FLAGS, fo::FO_VOLUME_OPEN) };
        let options = Disposition::OpenExisting.code() << 24;
        let security = Security::new(access, options);
        let parameters = security.create(options, 0);
        if let Err(status) = self.dispatch(CREATE, volume, object, parameters, || Ok(0)) {
            self.release(object);
            return Err(status);
        }
        let mut state = self.kernel.lock();
        let handle = state.insert_handle(Target::File(object), access, false);
        Ok(Handle(handle))
    }

    /// CloseHandle.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn close_handle(&self, handle: Handle) -> Result<(), NtStatus> {
        let entry = self.kernel.lock().program_handle(handle).cloned()?;
        match entry.target {
            Target::Device(file) => return self.close_device_handle(handle, file),
            Target::Section(_) | Target::Key(_) | Target::DeviceObject(_) => {
                return Err(NtStatus::INVALID_HANDLE);
            }
            Target::File(object) => {
                let (_, volume) = self.file_object(handle)?;
                // Who closes a handle twice at once closes it once.
                let removed = self.kernel.lock().handles.remove(&handle.0);
                removed.ok_or(NtStatus::INVALID_HANDLE)?;
                self.clean_up(volume, object);
            }
        }
        Ok(())
    }

    /// The last handle of a file object goes, and with it the I/O manager's reference.
    pub(super) fn clean_up(&self, volume: usize, object: usize) {
        let id = self.file_of(object);
        let act = || {
            let done = match id {
                Some(id) => self.kernel.cleanup(id, object),
                None => {
                    let lock = &mut self.kernel.lock().volumes[volume].locked;
                    *lock = lock.filter(|owner| *owner != object);
                    Ok(0)
                }
            };
            // SAFETY: a file object of ours, in both.
            let flags: u32 = unsafe { get(object, fo::FLAGS) };
            // SAFETY: as above.
            unsafe { put(object, fo::FLAGS, flags | fo::FO_CLEANUP_COMPLETE) };
            done
        };
        let _ = self.dispatch(CLEANUP, volume, object, Parameters::None, act);
        self.release(object);
    }

    /// The path of a name next to what a file object has open.
    pub(super) fn sibling(&self, object: usize, name: &str) -> Result<String, NtStatus> {
        let mut state = self.kernel.lock();
        let path = state.link_of(object)?.name.clone();
        Ok(match Name::parent(&path) {
            ROOT => format!("{ROOT}{name}"),
            parent => format!("{parent}\\{name}"),
        })
    }
}

impl State {
    /// Whether what was found may be opened; the link that it is opened by.
    fn check_open(&self, volume: usize, id: u64, name: &Name, kind: Kind) -> Result<u64, NtStatus> {
        let found = self.find_link(volume, &name.file);
        let (_, link) = found.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        match (self.fcb(id)?.kind, kind) {
            (Kind::Directory, Kind::File) => return Err(NtStatus::FILE_IS_A_DIRECTORY),
            (Kind::File, Kind::Directory) => return Err(NtStatus::NOT_A_DIRECTORY),
            _ => {}
        }
        if self.is_delete_pending(id, link.id)? {
            return Err(NtStatus::DELETE_PENDING);
        }
        Ok(link.id)
    }

    /// Makes a file object one of a stream, opened by a name.
    fn bind(&mut self, object: usize, id: u64, link: u64) -> Result<(), NtStatus> {
        let base = self.file_of_stream(id)?;
        let links = self.fcb_mut(base)?.links.iter_mut();
        links
            .filter(|candidate| candidate.id == link)
            .for_each(|link| link.handles += 1);
        let fcb = self.fcb_mut(id)?;
        fcb.handles += 1;
        fcb.file_objects += 1;
        let pointers = match fcb.kind {
            Kind::File => fcb.section_object_pointers.address(),
            Kind::Directory => 0,
        };
        let header = fcb.header.address();
        if let Some(file) = self.file_objects.get_mut(&object) {
            file.file = Some(id);
            file.link = link;
            let at = file.block.address();
            // SAFETY: a file object of ours.
            unsafe { put(at, fo::FS_CONTEXT, header) };
            // SAFETY: as above.
            unsafe { put(at, fo::SECTION_OBJECT_POINTER, pointers) };
        }
        Ok(())
    }
}
