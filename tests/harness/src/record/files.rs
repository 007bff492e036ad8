//! Which files are watched, and what they are called in the trace.

use super::RecordError;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Files there are none, or none that is stored.
const NOT_STORAGE: [&str; 3] = ["/dev", "/proc", "/sys"];

/// The files and folders to watch, by their real names.
pub struct Selection(Vec<PathBuf>);

impl Selection {
    /// # Errors
    /// A folder that holds one of them does not exist.
    pub fn new(watch: &[PathBuf]) -> Result<Self, RecordError> {
        let real = watch.iter().map(|path| {
            real(path).map_err(|source| RecordError::Watch {
                path: path.clone(),
                source,
            })
        });
        real.collect::<Result<_, _>>().map(Self)
    }

    /// Whether only named files are watched.
    pub fn named(&self) -> bool {
        !self.0.is_empty()
    }

    /// The name for the trace of a file that is watched, folders with `/` between them.
    pub fn name(&self, path: &Path) -> Option<String> {
        let base = || path.file_name().map(Path::new);
        let name = if self.named() {
            let root = self.0.iter().find(|root| path.starts_with(root))?;
            let relative = path.strip_prefix(root).ok();
            relative
                .filter(|name| !name.as_os_str().is_empty())
                .or_else(base)?
        } else if NOT_STORAGE.iter().any(|folder| path.starts_with(folder)) {
            return None;
        } else {
            base()?
        };
        Some(name.to_string_lossy().into_owned())
    }
}

/// The file itself may be made by the program.
fn real(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.file_name()) {
        (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|name| !name.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
            Ok(folder.join(name))
        }
        (result, _) => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative() {
        let all = Selection(Vec::new());
        assert_eq!(all.name(Path::new("/a/b.db")).as_deref(), Some("b.db"));
        assert_eq!(all.name(Path::new("/dev/shm/x")), None);
        let some = Selection(vec!["/a".into(), "/dev/shm/x".into()]);
        assert_eq!(some.name(Path::new("/a/c/b")).as_deref(), Some("c/b"));
        assert_eq!(some.name(Path::new("/dev/shm/x")).as_deref(), Some("x"));
        assert_eq!(some.name(Path::new("/ab")), None);
    }
}
