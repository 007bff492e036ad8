//! The systems that a catalog is for.

use crate::error::{Error, Result};
use std::str::FromStr;

/// A system, as a catalog's OS attribute names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Os(String);

impl Os {
    /// The name in the catalog.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The releases that Inf2Cat names in other words than the catalog.
const RELEASES: [(&str, &str); 13] = [
    ("AU", "RS1"),
    ("RS1", "RS1"),
    ("RS2", "RS2"),
    ("RS3", "RS3"),
    ("RS4", "RS4"),
    ("RS5", "RS5"),
    ("19H1", "19H1"),
    ("VB", "Vb"),
    ("CO", "21H2"),
    ("NI", "22H2"),
    ("GE", "24H2"),
    ("24H2", "24H2"),
    ("25H2", "25H2"),
];

impl FromStr for Os {
    type Err = Error;

    /// Takes the identifiers of
    /// [Inf2Cat's /os](https://learn.microsoft.com/windows-hardware/drivers/devtest/inf2cat) for
    /// Windows 10 and later, such as 10_X64 and 10_RS2_X64, and the names that catalogs have for
    /// systems, such as `_v100_X64_RS2`.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("_v100") || text.starts_with("Server_v100") {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return plain
                .then(|| Self(text.to_owned()))
                .ok_or_else(|| unknown(text));
        }
        let upper = text.to_ascii_uppercase();
        let parts: Vec<_> = upper.split('_').collect();
        let (prefix, release, machine) = match parts[..] {
            ["10", machine] => ("", None, machine),
            ["10", release, machine] => ("", Some(release), machine),
            ["SERVER10", machine] => ("Server", None, machine),
            _ => return Err(unknown(text)),
        };
        if !matches!(machine, "X64" | "ARM64") {
            return Err(unknown(text));
        }
        let mut name = format!("{prefix}_v100_{machine}");
        if let Some(release) = release {
            let (_, release) = RELEASES
                .iter()
                .find(|(theirs, _)| *theirs == release)
                .ok_or_else(|| unknown(text))?;
            name = format!("{name}_{release}");
        }
        Ok(Self(name))
    }
}

fn unknown(text: &str) -> Error {
    Error::new(format!(
        "{text:?} is no system that this tool knows: give one such as 10_RS2_X64, 10_RS3_ARM64 or 10_GE_X64, \
         or a catalog's own name for it, such as _v100_X64_22H2"
    ))
}
