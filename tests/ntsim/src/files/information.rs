//! What the file system says of a file.

use super::Kind;
use crate::{NtStatus, kernel::Kernel};

/// FILE_STANDARD_INFORMATION (ns-wdm-_file_standard_information).
pub(crate) struct StandardInformation {
    pub allocation: u64,
    pub size: u64,
    pub links: u32,
    pub delete_pending: u8,
    pub directory: u8,
}

impl Kernel {
    /// FileStandardInformation. As in NTFS, a name that is to be deleted counts no more.
    pub fn standard_information(&self, object: usize) -> Result<StandardInformation, NtStatus> {
        let state = self.lock();
        let file = state.file_objects.get(&object);
        let file = file.ok_or(NtStatus::INVALID_PARAMETER)?;
        let id = file.file.ok_or(NtStatus::INVALID_PARAMETER)?;
        let fcb = state.fcb(id)?;
        let links = &state.fcb(state.file_of_stream(id)?)?.links;
        let pending = if fcb.stream.is_some() {
            fcb.delete_pending
        } else {
            let mut links = links.iter();
            links.any(|link| link.id == file.link && link.delete_pending)
        };
        let left = links.iter().filter(|link| !link.delete_pending).count();
        Ok(StandardInformation {
            allocation: fcb.allocation,
            size: fcb.size,
            links: left as u32,
            delete_pending: u8::from(pending),
            directory: u8::from(fcb.kind == Kind::Directory),
        })
    }
}
