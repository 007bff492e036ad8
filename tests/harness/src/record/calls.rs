//! What system calls do to files.

use super::{
    Missed, memory,
    process::{self, Id, Open},
    recording::Recording,
    spaces::View,
};
use nix::unistd::Pid;
use std::{ffi::OsStr, ops::Range, path::PathBuf};

const PAGE: u64 = 4096;
/// `ioctl` of FICLONE and FICLONERANGE.
const CLONES: [u64; 2] = [0x4004_9409, 0x4020_940d];

/// A call under way.
#[derive(Clone, Debug)]
pub struct Call {
    pub number: i64,
    pub arguments: [u64; 6],
    /// The file that a path led to when the call began.
    target: Option<Id>,
}

/// Where a call wrote.
enum Place {
    /// At the descriptor's offset, which moved on.
    Current,
    At(u64),
    /// At the end.
    End,
}

fn fd(argument: u64) -> i32 {
    argument as i32
}

fn range(start: u64, length: u64) -> Range<u64> {
    let length = length.checked_next_multiple_of(PAGE).unwrap_or(length);
    start..start.saturating_add(length)
}

impl Call {
    /// What must be known before the call changes it.
    pub fn begin(recording: &mut Recording, pid: Pid, number: i64, arguments: [u64; 6]) -> Self {
        let mut call = Self {
            number,
            arguments,
            target: None,
        };
        let [first, second, third, fourth, fifth, _] = arguments;
        match number {
            libc::SYS_fsync
            | libc::SYS_fdatasync
            | libc::SYS_sync_file_range
            | libc::SYS_ftruncate
            | libc::SYS_fallocate => {
                if let Some(id) = recording.watched(pid, fd(first)) {
                    recording.collect(id);
                }
            }
            libc::SYS_sync => recording.collect_all(None),
            libc::SYS_syncfs => {
                if let Some(found) = process::by_fd(pid, fd(first)) {
                    recording.collect_all(Some(found.id.device));
                }
            }
            libc::SYS_msync | libc::SYS_munmap => {
                recording.collect_at(pid, &range(first, second));
            }
            libc::SYS_mremap => {
                recording.collect_at(pid, &range(first, second.max(1)));
                if fourth & libc::MREMAP_FIXED as u64 != 0 {
                    recording.collect_at(pid, &range(fifth, third));
                }
            }
            libc::SYS_mmap if fourth & libc::MAP_FIXED as u64 != 0 => {
                recording.collect_at(pid, &range(first, second));
            }
            libc::SYS_mprotect | libc::SYS_pkey_mprotect
                if third & libc::PROT_WRITE as u64 != 0 =>
            {
                let at = range(first, second);
                let views: Vec<View> = match recording.spaces.of(pid) {
                    Some(space) => space.parts(&at).filter(|view| !view.writable).collect(),
                    None => Vec::new(),
                };
                for view in views {
                    recording.prepare(pid, &view);
                }
            }
            libc::SYS_execve | libc::SYS_execveat => {
                recording.collect_at(pid, &(0..u64::MAX));
            }
            libc::SYS_truncate => {
                call.target = target(recording, pid, libc::AT_FDCWD, first, true);
            }
            libc::SYS_open | libc::SYS_openat | libc::SYS_creat => {
                let (folder, path) = match number {
                    libc::SYS_openat => (fd(first), second),
                    _ => (libc::AT_FDCWD, first),
                };
                if call.open_flags(pid).is_some_and(|f| f & libc::O_TRUNC != 0) {
                    call.target = target(recording, pid, folder, path, true);
                }
            }
            libc::SYS_unlink => {
                call.target = victim(recording, pid, libc::AT_FDCWD, first);
            }
            libc::SYS_unlinkat if third & libc::AT_REMOVEDIR as u64 == 0 => {
                call.target = victim(recording, pid, fd(first), second);
            }
            libc::SYS_rename => {
                let (from, to) = ((libc::AT_FDCWD, first), (libc::AT_FDCWD, second));
                call.target = replaced(recording, pid, from, to);
            }
            libc::SYS_renameat | libc::SYS_renameat2 => {
                let exchanges = fifth as u32 & libc::RENAME_EXCHANGE != 0;
                if number == libc::SYS_renameat || !exchanges {
                    let (from, to) = ((fd(first), second), (fd(third), fourth));
                    call.target = replaced(recording, pid, from, to);
                }
            }
            _ => {}
        }
        if let (
            Some(id),
            libc::SYS_truncate | libc::SYS_open | libc::SYS_openat | libc::SYS_creat,
        ) = (call.target, number)
        {
            recording.collect(id);
        }
        call
    }

    fn open_flags(&self, pid: Pid) -> Option<i32> {
        let [_, second, third, ..] = self.arguments;
        Some(match self.number {
            libc::SYS_open => second as i32,
            libc::SYS_openat | libc::SYS_open_by_handle_at => third as i32,
            libc::SYS_creat => libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC,
            libc::SYS_openat2 => memory::word(pid, third)? as i32,
            _ => return None,
        })
    }

    /// Records a call that succeeded with `result`; whether a file may have been let go.
    pub fn end(self, recording: &mut Recording, pid: Pid, result: u64) -> bool {
        let [first, second, third, fourth, _, sixth] = self.arguments;
        match self.number {
            libc::SYS_open
            | libc::SYS_openat
            | libc::SYS_openat2
            | libc::SYS_creat
            | libc::SYS_open_by_handle_at => {
                if let Some(flags) = self.open_flags(pid) {
                    recording.opened(pid, fd(result), flags);
                }
            }
            libc::SYS_write | libc::SYS_writev => {
                wrote(recording, pid, fd(first), result, Place::Current, 0);
            }
            libc::SYS_pwrite64 | libc::SYS_pwritev => {
                wrote(recording, pid, fd(first), result, Place::At(fourth), 0);
            }
            libc::SYS_pwritev2 => {
                let flags = sixth as i32;
                let place = match fourth {
                    _ if flags & libc::RWF_APPEND != 0 => Place::End,
                    u64::MAX => Place::Current,
                    offset => Place::At(offset),
                };
                wrote(recording, pid, fd(first), result, place, flags);
            }
            libc::SYS_sendfile => wrote(recording, pid, fd(first), result, Place::Current, 0),
            libc::SYS_copy_file_range | libc::SYS_splice => {
                let place = match memory::word(pid, fourth) {
                    // The call moved it on.
                    Some(end) if fourth != 0 => Place::At(end.saturating_sub(result)),
                    _ => Place::Current,
                };
                wrote(recording, pid, fd(third), result, place, 0);
            }
            libc::SYS_ftruncate => {
                if let Some(id) = recording.watched(pid, fd(first)) {
                    recording.resized(id, second);
                }
            }
            libc::SYS_truncate => {
                if let Some(id) = self.target {
                    recording.resized(id, second);
                }
            }
            libc::SYS_fallocate => {
                if let Some(id) = recording.watched(pid, fd(first)) {
                    allocated(recording, id, second as i32, third, fourth);
                }
            }
            libc::SYS_fsync | libc::SYS_fdatasync => flushed(recording, pid, fd(first)),
            // Without waiting nothing is durable.
            libc::SYS_sync_file_range if fourth as u32 & libc::SYNC_FILE_RANGE_WAIT_AFTER != 0 => {
                flushed(recording, pid, fd(first));
            }
            libc::SYS_sync => recording.synced(None),
            libc::SYS_syncfs => {
                if let Some(found) = process::by_fd(pid, fd(first)) {
                    recording.synced(Some(found.id.device));
                }
            }
            libc::SYS_mmap => {
                mapped(recording, pid, self.arguments, result);
                return true;
            }
            libc::SYS_mprotect | libc::SYS_pkey_mprotect
                if third & libc::PROT_WRITE as u64 != 0 =>
            {
                let at = range(first, second);
                let space = recording.spaces.of(pid);
                for view in space.map_or_else(Vec::new, |space| space.make_writable(&at)) {
                    recording.mapped(&view, u64::MAX - view.offset);
                }
            }
            libc::SYS_msync if third & libc::MS_SYNC as u64 != 0 => {
                let at = first..first.saturating_add(second);
                let space = recording.spaces.of(pid);
                let views: Vec<View> = space.map_or_else(Vec::new, |space| {
                    space.parts(&at).filter(|view| view.writable).collect()
                });
                for view in views {
                    recording.flushed_view(&view);
                }
            }
            libc::SYS_munmap => {
                if let Some(space) = recording.spaces.of(pid) {
                    space.remove(&range(first, second));
                }
                recording.forget_unmapped();
                return true;
            }
            libc::SYS_mremap => {
                let keep = fourth & libc::MREMAP_DONTUNMAP as u64 != 0;
                moved(recording, pid, first, second, result, third, keep);
            }
            libc::SYS_unlink
            | libc::SYS_unlinkat
            | libc::SYS_rename
            | libc::SYS_renameat
            | libc::SYS_renameat2 => {
                if let Some(id) = self.target {
                    recording.unlinked(id);
                    return true;
                }
            }
            libc::SYS_close | libc::SYS_close_range | libc::SYS_dup2 | libc::SYS_dup3 => {
                return true;
            }
            libc::SYS_io_uring_setup => recording.miss(Missed::IoUring),
            libc::SYS_io_submit => recording.miss(Missed::Aio),
            libc::SYS_remap_file_pages => recording.miss(Missed::Remapped),
            libc::SYS_ioctl
                if CLONES.contains(&second) && recording.watched(pid, fd(first)).is_some() =>
            {
                recording.miss(Missed::Clone);
            }
            _ => {}
        }
        false
    }
}

fn wrote(recording: &mut Recording, pid: Pid, fd: i32, length: u64, place: Place, flags: i32) {
    if length == 0 {
        return;
    }
    let Some(id) = recording.watched(pid, fd) else {
        recording.unwatched_write(pid, fd);
        return;
    };
    let open = process::open_state(pid, fd).unwrap_or(Open {
        position: recording.size(id) + length,
        flags: 0,
    });
    let appends = open.flags & libc::O_APPEND != 0;
    let offset = match place {
        // Linux appends whatever the offset is, and leaves that of the descriptor alone.
        Place::At(_) if appends => end_before(pid, fd, length),
        Place::End => end_before(pid, fd, length),
        Place::At(offset) => offset,
        Place::Current => open.position.saturating_sub(length),
    };
    recording.wrote(id, offset, length);
    let durable = libc::RWF_DSYNC | libc::RWF_SYNC;
    if open.flags & libc::O_DSYNC != 0 || flags & durable != 0 {
        recording.collect(id);
        recording.flushed(id);
    }
}

fn end_before(pid: Pid, fd: i32, length: u64) -> u64 {
    let size = process::by_fd(pid, fd).map_or(0, |found| found.size);
    size.saturating_sub(length)
}

fn flushed(recording: &mut Recording, pid: Pid, fd: i32) {
    if let Some(id) = recording.watched(pid, fd) {
        recording.flushed(id);
    }
}

fn allocated(recording: &mut Recording, id: Id, mode: i32, offset: u64, length: u64) {
    let size = recording.size(id);
    let end = offset.saturating_add(length);
    let moves = libc::FALLOC_FL_COLLAPSE_RANGE | libc::FALLOC_FL_INSERT_RANGE;
    if mode & moves != 0 {
        let size = if mode & libc::FALLOC_FL_COLLAPSE_RANGE != 0 {
            size.saturating_sub(length)
        } else {
            size + length
        };
        recording.resized(id, size);
        recording.wrote(id, offset, size.saturating_sub(offset));
        return;
    }
    if mode & libc::FALLOC_FL_KEEP_SIZE == 0 && end > size {
        recording.resized(id, end);
    }
    if mode & (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_ZERO_RANGE) != 0 {
        // Beyond the old end there are zeros already.
        recording.wrote(id, offset, end.min(size).saturating_sub(offset));
    }
}

fn mapped(recording: &mut Recording, pid: Pid, arguments: [u64; 6], address: u64) {
    let [_, length, protection, flags, descriptor, offset] = arguments;
    let at = range(address, length);
    if let Some(space) = recording.spaces.of(pid) {
        space.remove(&at);
    }
    let flags = flags as i32;
    let kind = flags & libc::MAP_TYPE;
    let shared = kind == libc::MAP_SHARED || kind == libc::MAP_SHARED_VALIDATE;
    if !shared || flags & libc::MAP_ANONYMOUS != 0 {
        return;
    }
    let fd = fd(descriptor);
    let Some(id) = recording.watched(pid, fd) else {
        return;
    };
    // Others can never be made writable.
    let open = process::open_state(pid, fd);
    if open.is_none_or(|open| open.flags & libc::O_ACCMODE != libc::O_RDWR) {
        return;
    }
    let view = View {
        at,
        file: id,
        offset,
        writable: protection & libc::PROT_WRITE as u64 != 0,
    };
    recording.keep_content(pid, fd, id);
    if view.writable {
        recording.prepare(pid, &view);
        recording.mapped(&view, length);
    }
    if let Some(space) = recording.spaces.of(pid) {
        space.add(view);
    }
}

fn moved(recording: &mut Recording, pid: Pid, from: u64, old: u64, to: u64, new: u64, keep: bool) {
    let Some(space) = recording.spaces.of(pid) else {
        return;
    };
    let source = range(from, old.max(1));
    let views: Vec<View> = space.parts(&source).collect();
    if old != 0 && !keep {
        space.remove(&source);
    }
    let target = range(to, new);
    space.remove(&target);
    let shown = target.end - target.start;
    for view in views {
        let start = to + (view.at.start - from);
        // Only the last one can grow.
        let length = if view.at.end == source.end {
            target.end.saturating_sub(start)
        } else {
            view.at.end - view.at.start
        };
        if length == 0 || start >= to + shown {
            continue;
        }
        let grew = length > view.at.end - view.at.start;
        let view = View {
            at: start..start + length,
            ..view
        };
        if view.writable && grew {
            recording.prepare(pid, &view);
            recording.mapped(&view, length);
        }
        if let Some(space) = recording.spaces.of(pid) {
            space.add(view);
        }
    }
    recording.forget_unmapped();
}

fn path(pid: Pid, folder: i32, address: u64) -> Option<PathBuf> {
    let path = memory::path(pid, address)?;
    let path: &OsStr = &path;
    (!path.is_empty()).then(|| process::resolve(pid, folder, path))
}

/// The watched file that a path leads to.
fn target(recording: &Recording, pid: Pid, folder: i32, address: u64, follow: bool) -> Option<Id> {
    let found = process::by_path(&path(pid, folder, address)?, follow)?;
    recording.is_watched(found.id).then_some(found.id)
}

/// The watched file whose last name a path is.
fn victim(recording: &Recording, pid: Pid, folder: i32, address: u64) -> Option<Id> {
    let found = process::by_path(&path(pid, folder, address)?, false)?;
    (recording.is_watched(found.id) && found.links == 1).then_some(found.id)
}

fn replaced(recording: &Recording, pid: Pid, from: (i32, u64), to: (i32, u64)) -> Option<Id> {
    let victim = victim(recording, pid, to.0, to.1)?;
    let renamed = process::by_path(&path(pid, from.0, from.1)?, false)?;
    (renamed.id != victim).then_some(victim)
}
