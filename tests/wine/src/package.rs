//! What is tested: the package as `scripts/package` makes it.

use std::path::{Path, PathBuf};

/// A folder with the files of a package.
pub struct Package(PathBuf);

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

fn existing(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(path.exists(), "{} is missing: run {remedy}", path.display());
    path
}

impl Package {
    /// The one for x64, or the folder that `DAXFLUSH_PACKAGE` names.
    ///
    /// # Panics
    /// It was not built.
    pub fn x64() -> Self {
        let built = || target().join("package/x64");
        let folder = std::env::var_os("DAXFLUSH_PACKAGE").map_or_else(built, PathBuf::from);
        Self(existing(folder, "scripts/package --arch x64"))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A file of it.
    ///
    /// # Panics
    /// It is not there.
    pub fn file(&self, name: &str) -> PathBuf {
        existing(self.0.join(name), "scripts/package --arch x64")
    }
}

/// Something for Windows that was built for the tests, and is in no package.
///
/// # Panics
/// It was not built.
pub fn test_program(name: &str) -> PathBuf {
    let folder = target().join("windows-programs/x64");
    existing(folder.join(name), "scripts/build-programs --tests")
}
