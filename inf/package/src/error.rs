//! What is wrong with an input, in words for whoever gave it.

use std::fmt;
use std::path::Path;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// A result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// This error, about the file at `path`.
    pub fn of(self, path: &Path) -> Self {
        Self(format!("{}: {}", path.display(), self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::new(error.to_string()).of(path))
}

/// Writes a whole file.
pub fn write(path: &Path, data: &[u8]) -> Result<()> {
    std::fs::write(path, data).map_err(|error| Error::new(error.to_string()).of(path))
}
