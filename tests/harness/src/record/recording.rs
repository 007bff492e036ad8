//! The watched files, and what happens to them.

use super::{
    Comparison, Missed, Progress, RecordError, RecordedFile, Summary,
    files::Selection,
    memory,
    process::{self, Found, Id},
    shadow::Shadow,
    spaces::{Spaces, View},
};
use crate::trace::{Op, TraceWriter};
use nix::unistd::Pid;
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::PathBuf,
    process::ExitStatus,
};

struct Watched {
    number: u32,
    path: PathBuf,
    /// As the recorded operations make it, in bytes.
    size: u64,
    /// Whether anything happened since the last flush.
    changed: bool,
    /// It has no name any more, but something still holds it.
    unlinked: bool,
    shadow: Shadow,
    /// The file itself, for what a process that is gone has stored.
    content: Option<File>,
}

/// What is recorded.
pub struct Recording {
    writer: TraceWriter,
    selection: Selection,
    files: HashMap<Id, Watched>,
    seen: Vec<RecordedFile>,
    missed: BTreeMap<Missed, u64>,
    pub spaces: Spaces,
}

impl Recording {
    pub fn new(writer: TraceWriter, watch: &[PathBuf]) -> Result<Self, RecordError> {
        Ok(Self {
            writer,
            selection: Selection::new(watch)?,
            files: HashMap::new(),
            seen: Vec::new(),
            missed: BTreeMap::new(),
            spaces: Spaces::default(),
        })
    }

    pub fn miss(&mut self, what: Missed) {
        *self.missed.entry(what).or_default() += 1;
    }

    pub fn progress(&self, threads: usize) -> Progress {
        Progress {
            counts: self.writer.counts(),
            threads,
        }
    }

    /// Writes the trace.
    pub fn finish(self, status: ExitStatus, interrupted: bool) -> Result<Summary, RecordError> {
        let written = self.writer.finish().map_err(RecordError::Output)?;
        Ok(Summary {
            status,
            counts: written.counts,
            files: self.seen,
            missed: self.missed.into_iter().collect(),
            changes: written.changes,
            comparison: Comparison::Everything,
            interrupted,
        })
    }

    /// A file that is watched already.
    pub fn is_watched(&self, id: Id) -> bool {
        self.files.contains_key(&id)
    }

    /// The watched file behind a descriptor. A named one may have been opened before the program
    /// started or by somebody else, and is watched from now on.
    pub fn watched(&mut self, pid: Pid, fd: i32) -> Option<Id> {
        let found = process::by_fd(pid, fd).filter(|found| found.regular)?;
        if !self.files.contains_key(&found.id) && self.selection.named() {
            self.watch(pid, fd, found);
        }
        self.files.contains_key(&found.id).then_some(found.id)
    }

    /// Files that the program has from who started it.
    pub fn inherited(&mut self, pid: Pid) {
        for fd in process::fds(pid) {
            self.watched(pid, fd);
        }
    }

    /// A write to a file that is not watched.
    pub fn unwatched_write(&mut self, pid: Pid, fd: i32) {
        let found = process::by_fd(pid, fd).filter(|found| found.regular);
        let Some(found) = found.filter(|_| !self.selection.named()) else {
            return;
        };
        if let Some(path) = process::name(pid, fd, found.links)
            && self.selection.name(&path).is_some()
        {
            self.miss(Missed::OpenedBefore(path));
        }
    }

    /// The program opened a file.
    pub fn opened(&mut self, pid: Pid, fd: i32, flags: i32) {
        let Some(found) = process::by_fd(pid, fd).filter(|found| found.regular) else {
            return;
        };
        let gone = |file: &Watched| file.unlinked && found.links != 0;
        if self.files.get(&found.id).is_some_and(gone) {
            // The inode serves a new file.
            self.delete(found.id);
        }
        match self.files.get(&found.id) {
            None => self.watch(pid, fd, found),
            Some(file) => {
                if flags & libc::O_TRUNC != 0 && file.size != 0 {
                    self.resized(found.id, 0);
                }
            }
        }
    }

    fn watch(&mut self, pid: Pid, fd: i32, found: Found) {
        let open = process::open_state(pid, fd);
        let readable_only =
            |flags| flags & libc::O_ACCMODE == libc::O_RDONLY || flags & libc::O_PATH != 0;
        if open.is_none_or(|open| readable_only(open.flags)) {
            return;
        }
        let Some(path) = process::name(pid, fd, found.links) else {
            return;
        };
        let Some(name) = self.selection.name(&path) else {
            return;
        };
        let number = self.writer.open(&name);
        let file = RecordedFile {
            number,
            path: path.clone(),
        };
        if !self.seen.contains(&file) {
            self.seen.push(file);
        }
        if found.size != 0 {
            let (file, size) = (number, found.size);
            self.writer.push(Op::Truncate { file, size });
        }
        let file = Watched {
            number,
            path,
            size: found.size,
            changed: false,
            unlinked: found.links == 0,
            shadow: Shadow::default(),
            content: None,
        };
        self.files.insert(found.id, file);
    }

    /// Bytes of a file were written by a system call.
    pub fn wrote(&mut self, id: Id, offset: u64, length: u64) {
        let Some(file) = self.files.get_mut(&id) else {
            return;
        };
        if length == 0 {
            return;
        }
        let number = file.number;
        file.size = file.size.max(offset + length);
        file.changed = true;
        self.writer.push(Op::Write {
            file: number,
            offset,
            length,
        });
        self.look(id, offset..offset + length, Take::Silently);
    }

    pub fn size(&self, id: Id) -> u64 {
        self.files.get(&id).map_or(0, |file| file.size)
    }

    /// A file has a new size.
    pub fn resized(&mut self, id: Id, size: u64) {
        if let Some(file) = self.files.get_mut(&id) {
            file.size = size;
            file.changed = true;
            file.shadow.cut(size);
            let file = file.number;
            self.writer.push(Op::Truncate { file, size });
        }
    }

    /// A file is durable.
    pub fn flushed(&mut self, id: Id) {
        if let Some(file) = self.files.get_mut(&id) {
            file.changed = false;
            let file = file.number;
            self.writer.push(Op::Flush { file });
        }
    }

    /// All files, or those of a device, are durable.
    pub fn synced(&mut self, device: Option<u64>) {
        let on = |id: &Id| device.is_none_or(|device| id.device == device);
        let changed =
            |(id, file): (&Id, &Watched)| (file.changed && on(id)).then_some((file.number, *id));
        let mut files: Vec<_> = self.files.iter().filter_map(changed).collect();
        files.sort_unstable();
        for (_, id) in files {
            self.flushed(id);
        }
    }

    /// A part of a view is durable.
    pub fn flushed_view(&mut self, view: &View) {
        let range = self.within_file(view);
        if let Some(file) = self.files.get(&view.file)
            && !range.is_empty()
        {
            self.writer.push(Op::FlushView {
                file: file.number,
                offset: range.start,
                length: range.end - range.start,
            });
        }
    }

    /// A view can be stored to from now on.
    pub fn mapped(&mut self, view: &View, length: u64) {
        let mut range = self.within_file(view);
        range.end = range.end.min(view.offset + length);
        if let Some(file) = self.files.get(&view.file)
            && !range.is_empty()
        {
            self.writer.push(Op::Map {
                file: file.number,
                offset: range.start,
                length: range.end - range.start,
            });
        }
    }

    /// Remembers what the file holds where a view will be writable.
    pub fn prepare(&mut self, pid: Pid, view: &View) {
        self.collect(view.file);
        self.take(Some(pid), view, Take::Silently);
    }

    /// Keeps the file itself at hand, if it may be read.
    pub fn keep_content(&mut self, pid: Pid, fd: i32, id: Id) {
        if let Some(file) = self.files.get_mut(&id)
            && file.content.is_none()
        {
            file.content = File::open(process::fd_path(pid, fd)).ok();
        }
    }

    /// Records what was stored through all views of a file.
    pub fn collect(&mut self, id: Id) {
        self.look(id, 0..u64::MAX, Take::Stores);
    }

    /// Records what was stored through all views of all files, of a device or at all.
    pub fn collect_all(&mut self, device: Option<u64>) {
        let mut ids: Vec<_> = self.files.iter().map(|(id, f)| (f.number, *id)).collect();
        ids.sort_unstable();
        for (_, id) in ids {
            if device.is_none_or(|device| id.device == device) {
                self.collect(id);
            }
        }
    }

    /// Records what was stored to the files that a process has views of at these addresses.
    pub fn collect_at(&mut self, pid: Pid, at: &Range<u64>) {
        let Some(space) = self.spaces.of(pid) else {
            return;
        };
        let mut ids: Vec<Id> = space.parts(at).map(|view| view.file).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.collect(id);
        }
    }

    /// Looks at a range of a file in all its writable views; what two of them show is read once.
    fn look(&mut self, id: Id, range: Range<u64>, how: Take) {
        let mut views = Vec::new();
        for space in self.spaces.iter() {
            let pid = space.members.first().copied();
            let shown = space.views().iter().filter(|v| v.file == id && v.writable);
            views.extend(shown.map(|view| (pid, view.clone())));
        }
        views.sort_unstable_by_key(|(pid, view)| (view.offset, *pid));
        let mut done = range.start;
        for (pid, view) in views {
            let end = (view.offset + (view.at.end - view.at.start)).min(range.end);
            let start = done.max(view.offset);
            if start < end {
                let from = view.at.start + (start - view.offset);
                let part = view.part(&(from..from + (end - start)));
                if let Some(part) = part {
                    self.take(pid, &part, how);
                }
                done = end;
            }
        }
    }

    /// Looks at a view in the memory of a process, or in the file if that is gone.
    fn take(&mut self, pid: Option<Pid>, view: &View, how: Take) {
        let range = self.within_file(view);
        let Some(file) = self.files.get_mut(&view.file) else {
            return;
        };
        let mut unreadable = false;
        let mut buffer = Vec::new();
        for piece in Shadow::pieces(range) {
            buffer.resize((piece.end - piece.start) as usize, 0);
            let address = view.at.start + (piece.start - view.offset);
            let read = pid.map_or(0, |pid| memory::read(pid, address, &mut buffer));
            if read < buffer.len() {
                // The process is gone, or has the view protected: the file has the same bytes.
                let rest = &mut buffer[read..];
                let content = file.content.as_ref();
                let read =
                    content.map(|content| content.read_exact_at(rest, piece.start + read as u64));
                if read.is_none_or(|read| read.is_err()) {
                    unreadable = true;
                    continue;
                }
            }
            match how {
                Take::Silently => file.shadow.set(piece.start, &buffer),
                Take::Stores => file.shadow.update(piece.start, &buffer, |offset, length| {
                    file.changed = true;
                    self.writer.push(Op::Store {
                        file: file.number,
                        offset,
                        length,
                    });
                }),
            }
        }
        if unreadable {
            let path = file.path.clone();
            self.miss(Missed::Unreadable(path));
        }
    }

    /// The bytes of the file that a view shows.
    fn within_file(&self, view: &View) -> Range<u64> {
        let end = view.offset + (view.at.end - view.at.start);
        view.offset..end.min(self.size(view.file))
    }

    /// Forgets what files held that have no views any more.
    pub fn forget_unmapped(&mut self) {
        let spaces = &self.spaces;
        for (id, file) in &mut self.files {
            if file.content.is_some() && !shown(spaces, *id) {
                file.shadow.clear();
                file.content = None;
            }
        }
    }

    /// The last name of a file is gone.
    pub fn unlinked(&mut self, id: Id) {
        if let Some(file) = self.files.get_mut(&id) {
            file.unlinked = true;
        }
    }

    /// Deletes files without a name that nobody holds any more.
    pub fn delete_unheld(&mut self, threads: &[Pid]) {
        let unlinked = |(id, file): (&Id, &Watched)| file.unlinked.then_some((file.number, *id));
        let mut files: Vec<_> = self.files.iter().filter_map(unlinked).collect();
        if files.is_empty() {
            return;
        }
        files.sort_unstable();
        let held = |id: Id| {
            let open = |pid: &Pid| {
                let same = |fd| process::by_fd(*pid, fd).is_some_and(|found| found.id == id);
                process::fds(*pid).into_iter().any(same)
            };
            shown(&self.spaces, id) || threads.iter().any(open)
        };
        let unheld: Vec<Id> = files.iter().map(|f| f.1).filter(|id| !held(*id)).collect();
        for id in unheld {
            self.delete(id);
        }
    }

    fn delete(&mut self, id: Id) {
        if let Some(file) = self.files.remove(&id) {
            self.writer.push(Op::Delete { file: file.number });
        }
    }

    /// A thread ends or has become another program; the last one of its memory takes its views
    /// along. `readable` says whether it still has that memory.
    pub fn leaves(&mut self, pid: Pid, readable: bool) {
        let space = self.spaces.of(pid).filter(|space| space.members == [pid]);
        let last = space.is_some();
        if let Some(space) = space
            && !readable
        {
            space.members.clear();
        }
        if last {
            self.collect_at(pid, &(0..u64::MAX));
        }
        self.spaces.leave(pid);
        if last {
            self.forget_unmapped();
        }
    }
}

fn shown(spaces: &Spaces, id: Id) -> bool {
    let mut views = spaces.iter().flat_map(|space| space.views());
    views.any(|view| view.file == id)
}

/// What to do with what memory holds now.
#[derive(Clone, Copy)]
enum Take {
    Stores,
    Silently,
}
