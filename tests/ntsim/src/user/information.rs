//! IRP_MJ_SET_INFORMATION: sizes, names and deletion.

use crate::{
    NtStatus, Sim,
    callback_data::{Parameters, Rename},
    dispatch::{Outcome, SET_INFORMATION},
    objects::Handle,
};

/// FILE_INFORMATION_CLASS (ne-wdm-_file_information_class).
mod class {
    pub const RENAME: i32 = 10;
    pub const LINK: i32 = 11;
    pub const DISPOSITION: i32 = 13;
    pub const ALLOCATION: i32 = 19;
    pub const END_OF_FILE: i32 = 20;
    pub const VALID_DATA_LENGTH: i32 = 39;
    pub const DISPOSITION_EX: i32 = 64;
    pub const RENAME_EX: i32 = 65;
}

/// FILE_DISPOSITION_INFORMATION_EX.Flags (ns-ntddk-_file_disposition_information_ex).
const FILE_DISPOSITION_DELETE: u32 = 1;

impl Sim {
    /// SetEndOfFile.
    ///
    /// # Errors
    /// STATUS_USER_MAPPED_FILE if a section is in the way.
    pub fn set_end_of_file(&self, handle: Handle, size: u64) -> Result<(), NtStatus> {
        let file = self.opened(handle)?.file;
        self.set(handle, class::END_OF_FILE, &size.to_le_bytes(), || {
            self.kernel.set_size(file, size).map(|()| 0)
        })
    }

    /// FileAllocationInfo: less than the file's size cuts it off.
    ///
    /// # Errors
    /// STATUS_USER_MAPPED_FILE if a section is in the way.
    pub fn set_allocation_size(&self, handle: Handle, size: u64) -> Result<(), NtStatus> {
        let file = self.opened(handle)?.file;
        self.set(handle, class::ALLOCATION, &size.to_le_bytes(), || {
            let now = self.kernel.lock().fcb(file)?.size;
            let done = self
                .kernel
                .set_size_and_allocation(file, now.min(size), size);
            done.map(|()| 0)
        })
    }

    /// SetFileValidData: what lies there on the device becomes the file's data, unread and unzeroed.
    ///
    /// # Errors
    /// STATUS_INVALID_PARAMETER beyond the file's end or below its valid data.
    pub fn set_valid_data_length(&self, handle: Handle, length: u64) -> Result<(), NtStatus> {
        let file = self.opened(handle)?.file;
        self.set(
            handle,
            class::VALID_DATA_LENGTH,
            &length.to_le_bytes(),
            || {
                let mut state = self.kernel.lock();
                let fcb = state.fcb_mut(file)?;
                if length > fcb.size || length < fcb.valid_data_length {
                    return Err(NtStatus::INVALID_PARAMETER);
                }
                fcb.set_sizes(fcb.size, length, fcb.allocation);
                Ok(0)
            },
        )
    }

    /// SetFileInformationByHandle with FileDispositionInfo: deletes when the last handle closes.
    ///
    /// # Errors
    /// As its.
    pub fn set_disposition(&self, handle: Handle, delete: bool) -> Result<(), NtStatus> {
        let object = self.opened(handle)?.object;
        self.set(handle, class::DISPOSITION, &[u8::from(delete)], || {
            let mut state = self.kernel.lock();
            state.set_delete_pending(object, delete).map(|()| 0)
        })
    }

    /// The same with FileDispositionInfoEx, without FILE_DISPOSITION_POSIX_SEMANTICS.
    ///
    /// # Errors
    /// As its.
    pub fn set_disposition_ex(&self, handle: Handle, delete: bool) -> Result<(), NtStatus> {
        let object = self.opened(handle)?.object;
        let flags = if delete { FILE_DISPOSITION_DELETE } else { 0 };
        self.set(handle, class::DISPOSITION_EX, &flags.to_le_bytes(), || {
            let mut state = self.kernel.lock();
            state.set_delete_pending(object, delete).map(|()| 0)
        })
    }

    /// Renames a file within its volume: to a path, or to a name in the same directory.
    ///
    /// # Errors
    /// STATUS_OBJECT_NAME_COLLISION if the name is taken and is not to be replaced;
    /// STATUS_ACCESS_DENIED if the file to be replaced is open.
    pub fn rename(&self, handle: Handle, to: &str, replace: bool) -> Result<(), NtStatus> {
        let class = class::RENAME;
        self.rename_as(handle, class, u32::from(replace), to, replace)
    }

    /// The same with FileRenameInformationEx.
    ///
    /// # Errors
    /// As [`Sim::rename`].
    pub fn rename_ex(&self, handle: Handle, to: &str, replace: bool) -> Result<(), NtStatus> {
        const FILE_RENAME_REPLACE_IF_EXISTS: u32 = 1;
        let flags = if replace {
            FILE_RENAME_REPLACE_IF_EXISTS
        } else {
            0
        };
        self.rename_as(handle, class::RENAME_EX, flags, to, replace)
    }

    fn rename_as(
        &self,
        handle: Handle,
        class: i32,
        flags: u32,
        to: &str,
        replace: bool,
    ) -> Result<(), NtStatus> {
        self.set_name(handle, (class, flags), to, replace, |object, name| {
            self.kernel.rename(object, name, replace)
        })
    }

    /// CreateHardLink.
    ///
    /// # Errors
    /// STATUS_OBJECT_NAME_COLLISION.
    pub fn create_hard_link(&self, handle: Handle, to: &str) -> Result<(), NtStatus> {
        self.create_hard_link_with(handle, to, false)
    }

    /// FileLinkInformation: one more name for a file, perhaps instead of another file's.
    ///
    /// # Errors
    /// As [`Sim::rename`].
    pub fn create_hard_link_with(
        &self,
        handle: Handle,
        to: &str,
        replace: bool,
    ) -> Result<(), NtStatus> {
        let asked = (class::LINK, u32::from(replace));
        self.set_name(handle, asked, to, replace, |object, name| {
            self.kernel.link(object, name, replace)
        })
    }

    /// A rename or a new link. For a full path the I/O manager opens the directory of the target
    /// first, for ParentOfTarget (flt-parameters-for-irp-mj-set-information).
    fn set_name(
        &self,
        handle: Handle,
        (class, flags): (i32, u32),
        to: &str,
        replace: bool,
        act: impl Fn(usize, &str) -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        let file = self.opened(handle)?;
        let (volume, name, parent) = if to.contains('\\') {
            let (volume, name) = self.split(to)?;
            if volume != file.volume {
                return Err(NtStatus::NOT_SAME_DEVICE);
            }
            let parent = self.open_target_directory(volume, &name)?;
            (volume, name, Some(parent))
        } else {
            let name = self.sibling(file.object, &to.to_uppercase())?;
            (file.volume, name, None)
        };
        let buffer = name_buffer(
            flags,
            &parent.map_or(to.to_owned(), |_| format!(r"\??\{to}")),
        );
        let rename = Rename {
            parent: parent.unwrap_or(0),
            replace,
        };
        let parameters = Parameters::SetInformation {
            class,
            buffer: &buffer,
            rename,
        };
        let done = self.dispatch(SET_INFORMATION, volume, file.object, parameters, || {
            act(file.object, &name).map(|()| 0)
        });
        if let Some(parent) = parent {
            self.clean_up(volume, parent);
        }
        done.map(|_| ())
    }

    /// The size of a file.
    ///
    /// # Errors
    /// STATUS_INVALID_HANDLE.
    pub fn file_size(&self, handle: Handle) -> Result<u64, NtStatus> {
        let file = self.opened(handle)?;
        self.kernel.lock().fcb(file.file).map(|fcb| fcb.size)
    }

    fn set(
        &self,
        handle: Handle,
        class: i32,
        buffer: &[u8],
        act: impl FnOnce() -> Outcome,
    ) -> Result<(), NtStatus> {
        let (object, volume) = self.file_object(handle)?;
        let parameters = Parameters::SetInformation {
            class,
            buffer,
            rename: Rename::default(),
        };
        self.dispatch(SET_INFORMATION, volume, object, parameters, act)
            .map(|_| ())
    }
}

/// FILE_RENAME_INFORMATION and FILE_LINK_INFORMATION on 64-bit Windows: ReplaceIfExists or Flags,
/// RootDirectory at 8, FileNameLength at 16, FileName at 20 (ns-ntifs-_file_rename_information).
fn name_buffer(flags: u32, name: &str) -> Vec<u8> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let mut buffer = vec![0; 20];
    buffer[..4].copy_from_slice(&flags.to_le_bytes());
    buffer[16..20].copy_from_slice(&(2 * units.len() as u32).to_le_bytes());
    buffer.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    buffer
}
