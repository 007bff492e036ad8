//! The names of files: hard links, alternate data streams, directories.

use super::{Fcb, Kind};
use crate::{
    NtStatus,
    kernel::{Kernel, State},
    nt::{file_object, put},
};

/// A name of a file. Handles belong to the name that they were opened by, and deletion is its.
pub(crate) struct Link {
    pub id: u64,
    /// Upper-cased path.
    pub name: String,
    pub handles: u32,
    pub delete_pending: bool,
}

/// A path within a volume.
pub(crate) struct Name {
    pub file: String,
    /// The alternate data stream.
    pub stream: Option<String>,
}

pub(crate) const ROOT: &str = "\\";

impl Name {
    pub fn new(path: &str) -> Self {
        let split = path.split_once(':');
        let (file, stream) = split.map_or((path, None), |(file, stream)| (file, Some(stream)));
        let file = file.strip_suffix('\\').unwrap_or(file);
        Self {
            file: if file.is_empty() { ROOT } else { file }.to_owned(),
            stream: stream.filter(|name| !name.is_empty()).map(Into::into),
        }
    }

    /// The directory that a path is in.
    pub fn parent(path: &str) -> &str {
        match path.rsplit_once('\\') {
            Some(("", _)) | None => ROOT,
            Some((parent, _)) => parent,
        }
    }
}

impl State {
    /// The file and link of a path without a stream.
    pub fn find_link(&self, volume: usize, path: &str) -> Option<(u64, &Link)> {
        let here = self.files.iter().filter(|(_, fcb)| fcb.volume == volume);
        let mut links = here.flat_map(|(id, fcb)| fcb.links.iter().map(|link| (*id, link)));
        links.find(|(_, link)| link.name == path)
    }

    pub fn check_parent(&self, volume: usize, path: &str) -> Result<(), NtStatus> {
        let parent = Name::parent(path);
        if parent == ROOT {
            return Ok(());
        }
        let found = self.find_link(volume, parent);
        let (id, _) = found.ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
        match self.fcb(id)?.kind {
            Kind::Directory => Ok(()),
            Kind::File => Err(NtStatus::OBJECT_PATH_NOT_FOUND),
        }
    }

    pub(super) fn add_link(&mut self, file: u64, name: String) -> Result<(), NtStatus> {
        let link = Link {
            id: self.new_id(),
            name,
            handles: 0,
            delete_pending: false,
        };
        self.fcb_mut(file)?.links.push(link);
        Ok(())
    }

    /// The link that a file object was opened by.
    pub fn link_of(&mut self, object: usize) -> Result<&mut Link, NtStatus> {
        let opened = self.file_objects.get(&object);
        let opened = opened.ok_or(NtStatus::INVALID_HANDLE)?;
        let (id, link) = (opened.file.ok_or(NtStatus::INVALID_PARAMETER)?, opened.link);
        let base = self.file_of_stream(id)?;
        let links = &mut self.fcb_mut(base)?.links;
        let found = links.iter_mut().find(|candidate| candidate.id == link);
        found.ok_or(NtStatus::FILE_DELETED)
    }

    /// Marks what a file object has open for deletion: the name that it was opened by, or an
    /// alternate data stream.
    pub fn set_delete_pending(&mut self, object: usize, delete: bool) -> Result<(), NtStatus> {
        let opened = self.file_objects.get(&object);
        let id = opened.and_then(|file| file.file);
        let id = id.ok_or(NtStatus::INVALID_PARAMETER)?;
        let volume = self.fcb(id)?.volume;
        if self.fcb(id)?.stream.is_some() {
            self.fcb_mut(id)?.delete_pending = delete;
        } else {
            let name = self.link_of(object)?.name.clone();
            if delete && name == ROOT {
                return Err(NtStatus::CANNOT_DELETE);
            }
            let inside = self.links_below(volume, &name).next().is_some();
            if delete && inside && self.fcb(id)?.kind == Kind::Directory {
                return Err(NtStatus::DIRECTORY_NOT_EMPTY);
            }
            self.link_of(object)?.delete_pending = delete;
        }
        // SAFETY: a file object of ours.
        unsafe { put(object, file_object::DELETE_PENDING, u8::from(delete)) };
        Ok(())
    }

    /// Whether a stream, or the name that it would be opened by, is to be deleted.
    pub fn is_delete_pending(&self, id: u64, link: u64) -> Result<bool, NtStatus> {
        let base = self.fcb(self.file_of_stream(id)?)?;
        let pending = base
            .links
            .iter()
            .any(|it| it.id == link && it.delete_pending);
        Ok(pending || self.fcb(id)?.delete_pending)
    }

    fn links_below<'a>(&'a self, volume: usize, name: &str) -> impl Iterator<Item = &'a Link> {
        let prefix = format!("{name}\\");
        let here = self.files.values().filter(move |fcb| fcb.volume == volume);
        let links = here.flat_map(|fcb| fcb.links.iter());
        links.filter(move |link| link.name.starts_with(&prefix))
    }

    fn move_below(&mut self, volume: usize, from: &str, to: &str) {
        let prefix = format!("{from}\\");
        let here = self.files.values_mut().filter(|fcb| fcb.volume == volume);
        for link in here.flat_map(|fcb: &mut Fcb| fcb.links.iter_mut()) {
            if let Some(rest) = link.name.strip_prefix(&prefix) {
                link.name = format!("{to}\\{rest}");
            }
        }
    }
}

impl Kernel {
    /// Gives what a file object has open another name instead of the one it was opened by.
    pub fn rename(&self, object: usize, to: &str, replace: bool) -> Result<(), NtStatus> {
        let (volume, id, from) = {
            let mut state = self.lock();
            let from = state.link_of(object)?.name.clone();
            let file = &state.file_objects[&object];
            let id = file.file.ok_or(NtStatus::INVALID_PARAMETER)?;
            let (volume, stream) = (file.volume, state.fcb(id)?.stream.is_some());
            if stream || from == ROOT {
                return Err(NtStatus::INVALID_PARAMETER);
            }
            if state
                .links_below(volume, &from)
                .any(|link| link.handles != 0)
            {
                return Err(NtStatus::ACCESS_DENIED);
            }
            (volume, id, from)
        };
        self.take_name(volume, to, id, replace)?;
        let mut state = self.lock();
        // Another name of the file itself that is replaced goes.
        let links = &mut state.fcb_mut(id)?.links;
        links.retain(|link| link.name == from || link.name != to);
        state.link_of(object)?.name = to.to_owned();
        state.move_below(volume, &from, to);
        Ok(())
    }

    /// Gives what a file object has open one more name.
    pub fn link(&self, object: usize, to: &str, replace: bool) -> Result<(), NtStatus> {
        let (volume, id) = {
            let state = self.lock();
            let file = &state.file_objects[&object];
            let id = file.file.ok_or(NtStatus::INVALID_PARAMETER)?;
            if state.fcb(id)?.kind == Kind::Directory {
                return Err(NtStatus::FILE_IS_A_DIRECTORY);
            }
            (file.volume, state.file_of_stream(id)?)
        };
        self.take_name(volume, to, id, replace)?;
        let mut state = self.lock();
        if state.find_link(volume, to).is_none() {
            state.add_link(id, to.to_owned())?;
        }
        Ok(())
    }

    /// Frees a name for `file`, deleting the file that has it if that is allowed.
    fn take_name(
        &self,
        volume: usize,
        name: &str,
        file: u64,
        replace: bool,
    ) -> Result<(), NtStatus> {
        let mut state = self.lock();
        state.check_parent(volume, name)?;
        let found = state.find_link(volume, name);
        let Some((other, link)) = found.map(|(id, link)| (id, (link.id, link.handles))) else {
            return Ok(());
        };
        if !replace {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        if other == file {
            return Ok(());
        }
        let (link, handles) = link;
        if handles != 0 || state.fcb(other)?.kind == Kind::Directory {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let links = &mut state.fcb_mut(other)?.links;
        links.retain(|taken| taken.id != link);
        let gone = links.is_empty();
        drop(state);
        if gone {
            self.delete_file(other);
        }
        Ok(())
    }
}
