//! The files that a catalog lists.

use crate::authenticode;
use crate::error::{self, Error, Result};
use crate::pe::Pe;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::path::Path;

/// What kind of file a member is, which decides what is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An image: the Authenticode hash.
    Image,
    /// Any other file: the hash of its bytes.
    Flat,
}

/// A file that a catalog lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name without a folder.
    pub name: String,
    /// What kind of file it is.
    pub kind: Kind,
    /// Its SHA-1 hash.
    pub sha1: Vec<u8>,
    /// Its SHA-256 hash.
    pub sha256: Vec<u8>,
}

impl Member {
    /// Hashes a file.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::new("is not a file").of(path))?;
        let name = name
            .to_str()
            .ok_or_else(|| Error::new("has a name that is not UTF-8").of(path))?;
        Self::new(name, &error::read(path)?).map_err(|error| error.of(path))
    }

    /// Hashes `data`, which are a file's called `name`.
    pub fn new(name: &str, data: &[u8]) -> Result<Self> {
        let extension = name
            .rsplit_once('.')
            .map_or(String::new(), |(_, end)| end.to_ascii_lowercase());
        let (kind, sha1, sha256) = match extension.as_str() {
            "sys" | "dll" | "exe" => {
                let pe = Pe::parse(data)?;
                (
                    Kind::Image,
                    authenticode::hash::<Sha1>(&pe)?,
                    authenticode::hash::<Sha256>(&pe)?,
                )
            }
            // Windows hashes these in ways of their own.
            "cab" | "cat" | "ctl" | "js" | "msi" | "ps1" | "psm1" | "vbs" | "wsf" => {
                return Err(Error::new(format!(
                    "this tool cannot hash .{extension} files for a catalog"
                )));
            }
            _ if data.starts_with(b"MZ") => {
                return Err(Error::new(
                    "an image by another name than .sys, .dll or .exe: rename it",
                ));
            }
            _ => (
                Kind::Flat,
                Sha1::digest(data).to_vec(),
                Sha256::digest(data).to_vec(),
            ),
        };
        Ok(Self {
            name: name.to_owned(),
            kind,
            sha1,
            sha256,
        })
    }
}
