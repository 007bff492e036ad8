//! Opening and closing.

use super::{Access, CreateFileOptions, Disposition};
use crate::{
    NtStatus, Sim,
    callback_data::Parameters,
    dispatch::{CLEANUP, CREATE, Outcome},
    files::Kind,
    kernel::State,
    nt::{file_object as fo, put},
    objects::{FILE_READ_DATA, FILE_WRITE_DATA, Handle, Target},
};
use std::cell::RefCell;

/// CreateOptions (nf-ntifs-ntcreatefile).
mod option {
    pub const DIRECTORY_FILE: u32 = 0x1;
    pub const WRITE_THROUGH: u32 = 0x2;
    pub const NO_INTERMEDIATE_BUFFERING: u32 = 0x8;
    pub const SYNCHRONOUS_IO_NONALERT: u32 = 0x20;
    pub const DELETE_ON_CLOSE: u32 = 0x1000;
}

/// What a create has done, as IoStatus.Information (irp-mj-create).
mod result {
    pub const SUPERSEDED: usize = 0;
    pub const OPENED: usize = 1;
    pub const CREATED: usize = 2;
    pub const OVERWRITTEN: usize = 3;
}

/// Reparse points in a row.
const MAX_REPARSES: usize = 31;

/// What a create asks for.
#[derive(Clone, Copy)]
struct Asked {
    options: CreateFileOptions,
    kind: Kind,
}

impl Asked {
    fn access(&self) -> u32 {
        match self.options.access {
            Access::Read => FILE_READ_DATA,
            Access::ReadWrite => FILE_READ_DATA | FILE_WRITE_DATA,
        }
    }

    fn file_object_flags(&self) -> u32 {
        let CreateFileOptions {
            write_through,
            no_intermediate_buffering,
            asynchronous,
            delete_on_close,
            ..
        } = self.options;
        let chosen = [
            (!asynchronous, fo::FO_SYNCHRONOUS_IO),
            (write_through, fo::FO_WRITE_THROUGH),
            (no_intermediate_buffering, fo::FO_NO_INTERMEDIATE_BUFFERING),
            (delete_on_close, fo::FO_DELETE_ON_CLOSE),
        ];
        sum(chosen)
    }

    fn create_options(&self) -> u32 {
        let chosen = [
            (self.kind == Kind::Directory, option::DIRECTORY_FILE),
            (self.options.write_through, option::WRITE_THROUGH),
            (
                self.options.no_intermediate_buffering,
                option::NO_INTERMEDIATE_BUFFERING,
            ),
            (!self.options.asynchronous, option::SYNCHRONOUS_IO_NONALERT),
            (self.options.delete_on_close, option::DELETE_ON_CLOSE),
        ];
        sum(chosen) | self.options.disposition.code() << 24
    }
}

fn sum<const N: usize>(chosen: [(bool, u32); N]) -> u32 {
    let flags = chosen.iter().filter(|(is, _)| *is).map(|(_, flag)| flag);
    flags.sum()
}

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
        let limit = self.kernel.pmem.size();
        let mut state = self.kernel.lock();
        if state.find_file(volume, &name).is_some() {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        let id = state.new_file(volume, &name, Kind::File, limit)?;
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
        let parameters = Parameters::Create {
            options: asked.create_options(),
        };
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
        let limit = self.kernel.pmem.size();
        let how = asked.options.disposition;
        let (id, done) = {
            let mut state = self.kernel.lock();
            match (state.find_file(volume, name), how) {
                (Some(_), Disposition::CreateNew) => return Err(NtStatus::OBJECT_NAME_COLLISION),
                (None, Disposition::OpenExisting | Disposition::TruncateExisting) => {
                    return Err(NtStatus::OBJECT_NAME_NOT_FOUND);
                }
                (Some(id), Disposition::Supersede) => (id, result::SUPERSEDED),
                (Some(id), how) if how.empties() => (id, result::OVERWRITTEN),
                (Some(id), _) => (id, result::OPENED),
                (None, _) => {
                    let id = state.new_file(volume, name, asked.kind, limit)?;
                    (id, result::CREATED)
                }
            }
        };
        let target = self.kernel.lock().fcb(id)?.reparse.clone();
        if target.is_some() {
            *reparse.borrow_mut() = target;
            return Err(NtStatus::REPARSE);
        }
        if self.kernel.lock().fcb(id)?.delete_pending {
            return Err(NtStatus::DELETE_PENDING);
        }
        if done != result::CREATED && how.empties() {
            self.kernel.set_size(id, 0)?;
            self.kernel.delete_streams_of(id);
        }
        let mut state = self.kernel.lock();
        let fcb = state.fcb_mut(id)?;
        fcb.handles += 1;
        fcb.file_objects += 1;
        state.bind(object, id);
        Ok(done)
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
        let parameters = Parameters::Create {
            options: Disposition::OpenExisting.code() << 24,
        };
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
}

impl State {
    /// Makes a file object one of a stream.
    fn bind(&mut self, object: usize, id: u64) {
        let Some(fcb) = self.files.get(&id) else {
            return;
        };
        let pointers = fcb.section_object_pointers.address();
        let header = fcb.header.address();
        if let Some(file) = self.file_objects.get_mut(&object) {
            file.file = Some(id);
            let at = file.block.address();
            // SAFETY: a file object of ours.
            unsafe { put(at, fo::FS_CONTEXT, header) };
            // SAFETY: as above.
            unsafe { put(at, fo::SECTION_OBJECT_POINTER, pointers) };
        }
    }
}
