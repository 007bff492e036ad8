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

/// Inf2Cat's words for releases, and the catalog's.
const CLIENTS: [(&str, &str); 12] = [
    ("10", ""),
    ("10_AU", "_RS1"),
    ("10_RS2", "_RS2"),
    ("10_RS3", "_RS3"),
    ("10_RS4", "_RS4"),
    ("10_RS5", "_RS5"),
    ("10_19H1", "_19H1"),
    ("10_VB", "_Vb"),
    ("10_CO", "_21H2"),
    ("10_NI", "_22H2"),
    ("10_GE", "_24H2"),
    ("10_25H2", "_25H2"),
];
const SERVERS: [(&str, &str); 5] = [
    ("SERVER10", ""),
    ("SERVER2016", "_RS1"),
    ("SERVERRS5", "_RS5"),
    ("SERVERFE", "_21H2"),
    ("SERVER2025", "_24H2"),
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
        let (release, machine) = upper.rsplit_once('_').ok_or_else(|| unknown(text))?;
        if !matches!(machine, "X64" | "ARM64") {
            return Err(unknown(text));
        }
        let find = |names: &[(&str, &'static str)]| {
            names
                .iter()
                .find(|(theirs, _)| *theirs == release)
                .map(|(_, name)| *name)
        };
        match (find(&CLIENTS), find(&SERVERS)) {
            (Some(name), _) => Ok(Self(format!("_v100_{machine}{name}"))),
            (None, Some(name)) => Ok(Self(format!("Server_v100_{machine}{name}"))),
            (None, None) => Err(unknown(text)),
        }
    }
}

fn unknown(text: &str) -> Error {
    Error::new(format!(
        "{text:?} is no system that this tool knows: give one such as 10_RS2_X64, 10_RS3_ARM64 or 10_GE_X64, \
         or a catalog's own name for it, such as _v100_X64_22H2"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_catalogs_have_them() {
        for (given, name) in [
            ("10_X64", "_v100_X64"),
            ("10_au_x64", "_v100_X64_RS1"),
            ("10_VB_ARM64", "_v100_ARM64_Vb"),
            ("10_GE_X64", "_v100_X64_24H2"),
            ("Server10_ARM64", "Server_v100_ARM64"),
            ("ServerRS5_X64", "Server_v100_X64_RS5"),
            ("_v100_X64_26H2", "_v100_X64_26H2"),
        ] {
            assert_eq!(given.parse::<Os>().unwrap().name(), name, "{given}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in [
            "",
            "10",
            "7_X64",
            "10_RS9_X64",
            "10_RS2_X86",
            "_v100_X64,x",
            "X64",
        ] {
            let error = text.parse::<Os>().unwrap_err().to_string();
            assert!(error.contains("10_RS2_X64"), "{text}: {error}");
        }
    }
}
