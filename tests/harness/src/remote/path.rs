//! Where the socket is, and that one machine only serves it.

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::getuid,
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

/// Why no socket can be served.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody serves it.
    #[error("a simulated machine runs already: it serves {}", .0.display())]
    Running(PathBuf),
    /// Something else is there.
    #[error("{} is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// A folder for sockets is another user's, or open to others.
    #[error("{} must be a folder of yours that nobody else may enter (chmod 700)", .0.display())]
    Folder(PathBuf),
    /// The system's.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SocketError + use<> {
    let path = path.to_owned();
    move |source| SocketError::Io { path, source }
}

/// `$XDG_RUNTIME_DIR/daxflush.sock`, or `daxflush.sock` in a private folder below the one for
/// temporary files.
pub fn default_path() -> PathBuf {
    const NAME: &str = "daxflush.sock";
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join(NAME),
        None => {
            let folder = format!("daxflush-{}", getuid().as_raw());
            std::env::temp_dir().join(folder).join(NAME)
        }
    }
}

/// A socket that only this user can connect to from the first moment on: it comes to be in a folder that
/// nobody else can look into. The umask would be the whole process's.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.with_added("new");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => DirBuilder::new().mode(0o700).create(&folder)?,
    }
    let inside = folder.join("s");
    let bound = UnixListener::bind(&inside).and_then(|listener| {
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inside, path)?;
        Ok(listener)
    });
    fs::remove_dir_all(&folder)?;
    bound
}

/// A socket that this process listens on; it is removed when dropped.
#[derive(Debug)]
pub struct Socket {
    pub(super) path: PathBuf,
    pub(super) listener: UnixListener,
    lock: PathBuf,
    _locked: File,
}

impl Socket {
    /// Listens on a socket that only this user can connect to.
    ///
    /// # Errors
    /// Another process listens on it, or it cannot be made.
    pub fn listen(path: &Path) -> Result<Self, SocketError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            private_folder(folder, path == default_path())?;
        }
        let lock = path.with_added("lock");
        let locked = take_lock(path, &lock)?;
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(SocketError::NoSocket(path.to_owned()));
            }
            // Left by a machine that was killed: nobody holds its lock.
            Ok(_) => fs::remove_file(path).map_err(at(path))?,
            Err(_) => {}
        }
        let listener = bind(path).map_err(at(path))?;
        Ok(Self {
            path: path.to_owned(),
            listener,
            lock,
            _locked: locked,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Who starts next copes with what is left.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.lock);
    }
}

trait WithAdded {
    fn with_added(&self, extension: &str) -> PathBuf;
}

impl WithAdded for Path {
    fn with_added(&self, extension: &str) -> PathBuf {
        let mut name = self.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        name.into()
    }
}

/// Makes a folder that nobody else may enter. One that is there may be any if the user has named it.
fn private_folder(folder: &Path, ours: bool) -> Result<(), SocketError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(at(folder))?;
    let found = fs::symlink_metadata(folder).map_err(at(folder))?;
    let private = found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0;
    if ours && !(private && found.is_dir()) {
        return Err(SocketError::Folder(folder.to_owned()));
    }
    Ok(())
}

fn take_lock(path: &Path, lock: &Path) -> Result<File, SocketError> {
    loop {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(lock).map_err(at(lock))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(SocketError::Running(path.to_owned())),
            Err(error) => return Err(at(lock)(error.into())),
        }
        // Who had it before may have removed it since it was opened.
        let mine = file.metadata().map_err(at(lock))?.ino();
        if fs::symlink_metadata(lock).is_ok_and(|there| there.ino() == mine) {
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_listened_on_once_and_goes_with_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/machine.sock");
        let socket = Socket::listen(&path).expect("a new socket");
        assert_eq!(socket.path(), path);
        let mode = fs::metadata(&path).expect("it is there").mode();
        assert_eq!(mode & 0o077, 0, "nobody else may connect");
        let folder_mode = fs::metadata(folder.path().join("new")).expect("a folder");
        assert_eq!(folder_mode.mode() & 0o077, 0);
        let second = Socket::listen(&path).expect_err("it is served");
        assert!(matches!(second, SocketError::Running(_)), "{second}");
        drop(socket);
        assert_eq!(
            fs::read_dir(folder.path().join("new"))
                .expect("a folder")
                .count(),
            0
        );
        Socket::listen(&path).expect("it is free");
    }

    #[test]
    fn what_a_killed_process_left_is_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("machine.sock");
        drop(UnixListener::bind(&path).expect("a socket"));
        fs::write(path.with_added("lock"), "").expect("a lock that nobody holds");
        Socket::listen(&path).expect("nobody serves it");
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").expect("a file");
        let refused = Socket::listen(&path).expect_err("a file is there");
        assert!(matches!(refused, SocketError::NoSocket(_)), "{refused}");
        assert_eq!(fs::read(&path).expect("it is there"), b"mine");
    }
}
