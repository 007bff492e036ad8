//! What /proc says about a program's open files and names.

use nix::unistd::Pid;
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

/// A file whatever its names are: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub device: u64,
    pub inode: u64,
}

/// A file at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub id: Id,
    pub regular: bool,
    /// Bytes.
    pub size: u64,
    /// Names that it has.
    pub links: u64,
}

impl Found {
    fn new(metadata: &fs::Metadata) -> Self {
        Self {
            id: Id {
                device: metadata.dev(),
                inode: metadata.ino(),
            },
            regular: metadata.is_file(),
            size: metadata.len(),
            links: metadata.nlink(),
        }
    }
}

/// The state of an open file that /proc/PID/fdinfo shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The file offset in bytes.
    pub position: u64,
    /// As fcntl(F_GETFL) gives them.
    pub flags: i32,
}

pub fn fd_path(pid: Pid, fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/fd/{fd}"))
}

pub fn by_fd(pid: Pid, fd: i32) -> Option<Found> {
    if fd < 0 {
        return None;
    }
    let metadata = fs::metadata(fd_path(pid, fd)).ok()?;
    Some(Found::new(&metadata))
}

/// The file at a path that the program uses; the link itself if `follow` is not set.
pub fn by_path(path: &Path, follow: bool) -> Option<Found> {
    let metadata = if follow {
        fs::metadata(path)
    } else {
        fs::symlink_metadata(path)
    };
    metadata.ok().map(|metadata| Found::new(&metadata))
}

/// Where the program's path leads, seen from here.
pub fn resolve(pid: Pid, folder: i32, path: &OsStr) -> PathBuf {
    let path = Path::new(path);
    if let Ok(absolute) = path.strip_prefix("/") {
        return PathBuf::from(format!("/proc/{pid}/root")).join(absolute);
    }
    if folder == libc::AT_FDCWD {
        return PathBuf::from(format!("/proc/{pid}/cwd")).join(path);
    }
    fd_path(pid, folder).join(path)
}

/// The absolute name of an open file, the last one if it has none any more.
pub fn name(pid: Pid, fd: i32, links: u64) -> Option<PathBuf> {
    let path = fs::read_link(fd_path(pid, fd)).ok()?;
    if links != 0 {
        return Some(path);
    }
    let bytes = path.as_os_str().as_bytes();
    let bytes = bytes.strip_suffix(b" (deleted)").unwrap_or(bytes);
    Some(PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

pub fn open_state(pid: Pid, fd: i32) -> Option<Open> {
    let mut text = String::new();
    let mut file = File::open(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    file.read_to_string(&mut text).ok()?;
    parse_fdinfo(&text)
}

fn parse_fdinfo(text: &str) -> Option<Open> {
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.map(str::trim)
    };
    Some(Open {
        position: field("pos:")?.parse().ok()?,
        flags: i32::from_str_radix(field("flags:")?, 8).ok()?,
    })
}

/// The numbers of all open files.
pub fn fds(pid: Pid) -> Vec<i32> {
    let Ok(folder) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether an ELF file, or the program of a process, is for 32-bit processors.
pub fn is_32_bit(program: &Path) -> io::Result<bool> {
    let mut head = [0; 5];
    match File::open(program)?.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| head == *b"\x7fELF\x01"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fdinfo_is_understood() {
        let text = "pos:\t4096\nflags:\t0102002\nmnt_id:\t31\nino:\t7\n";
        let open = Open {
            position: 4096,
            flags: libc::O_RDWR | libc::O_APPEND | 0o100_000,
        };
        assert_eq!(parse_fdinfo(text), Some(open));
        assert_eq!(parse_fdinfo("pos:\t1\n"), None);
    }
}
