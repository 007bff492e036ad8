//! What stampinf makes of an INX (stampinf-command-options): an INF for one architecture, with a date and
//! a version.

use crate::{
    number::{is_date, is_version},
    parse::same,
    target::Architecture,
    text::{decode, encode},
};
use thiserror::Error;

/// What is put in.
#[derive(Clone, Debug)]
pub struct Stamp {
    architecture: Architecture,
    driver_version: String,
}

/// Why there is no INF.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StampError {
    /// No date of the calendar, or written in another way.
    #[error("{0} is no date MM/DD/YYYY")]
    Date(String),
    /// Not four numbers below 65535, or all of them 0.
    #[error("{0} is no version W.X.Y.Z of numbers below 65535 that are not all 0")]
    Version(String),
    /// The INX has no place for a version.
    #[error("there is no [Version] section")]
    NoVersion,
}

impl Stamp {
    /// # Errors
    /// A date or version that DriverVer must not have.
    pub fn new(architecture: Architecture, date: &str, version: &str) -> Result<Self, StampError> {
        if !is_date(date) {
            return Err(StampError::Date(date.to_owned()));
        }
        if !is_version(version) {
            return Err(StampError::Version(version.to_owned()));
        }
        Ok(Self {
            architecture,
            driver_version: format!("{date},{version}"),
        })
    }

    /// The INF of an INX, in the same encoding.
    ///
    /// # Errors
    /// An INX without a section for the version.
    pub fn apply(&self, inx: &[u8]) -> Result<Vec<u8>, StampError> {
        let (encoding, text) = decode(inx);
        // Case-sensitive, as stampinf is.
        let text = text.replace("$ARCH$", self.architecture.name());
        let mut stamped = String::with_capacity(text.len());
        let mut in_version = false;
        // Where a directive goes that the INX does not have.
        let mut after_header = None;
        let mut is_done = false;
        for line in text.split_inclusive('\n') {
            if let Some(name) = header(line) {
                in_version = same(name, "Version");
            }
            match directive(line) {
                Some(before) if in_version && !is_done => {
                    let value = &self.driver_version;
                    stamped.push_str(&format!("{before} {value}{}", line_end(line)));
                    is_done = true;
                }
                _ => stamped.push_str(line),
            }
            if in_version && after_header.is_none() {
                after_header = Some((stamped.len(), line_end(line)));
            }
        }
        let (place, end) = after_header.ok_or(StampError::NoVersion)?;
        if !is_done {
            let value = &self.driver_version;
            let directive = if end.is_empty() {
                format!("\nDriverVer = {value}\n")
            } else {
                format!("DriverVer = {value}{end}")
            };
            stamped.insert_str(place, &directive);
        }
        Ok(encode(encoding, &stamped))
    }
}

fn header(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    Some(name.trim())
}

/// The text up to the `=` of a DriverVer directive.
fn directive(line: &str) -> Option<String> {
    let (before, _) = line.split_once('=')?;
    same(before.trim(), "DriverVer").then(|| format!("{before}="))
}

fn line_end(line: &str) -> &str {
    let (_, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Encoding;

    fn stamp(text: &str) -> Result<String, StampError> {
        let stamp = Stamp::new(Architecture::Arm64, "07/01/2025", "1.2.3.4")?;
        let stamped = stamp.apply(text.as_bytes())?;
        Ok(String::from_utf8(stamped).expect("still UTF-8"))
    }

    #[test]
    fn the_directive_is_replaced() {
        let inx = "[Version]\r\nDriverVer   = ; stamped\r\n[D.NT$ARCH$]\r\nDriverVer=1\r\n";
        let inf = "[Version]\r\nDriverVer   = 07/01/2025,1.2.3.4\r\n[D.NTarm64]\r\nDriverVer=1\r\n";
        assert_eq!(stamp(inx).as_deref(), Ok(inf));
    }

    #[test]
    fn a_missing_directive_is_added() {
        assert_eq!(
            stamp("[A]\n[version]\nx=1").as_deref(),
            Ok("[A]\n[version]\nDriverVer = 07/01/2025,1.2.3.4\nx=1")
        );
        assert_eq!(
            stamp("[version]").as_deref(),
            Ok("[version]\nDriverVer = 07/01/2025,1.2.3.4\n")
        );
        assert_eq!(stamp("[A]\n"), Err(StampError::NoVersion));
    }

    #[test]
    fn the_encoding_stays() {
        let inx = encode(Encoding::Utf16Le, "[Version]\nDriverVer=\n");
        let stamp = Stamp::new(Architecture::Amd64, "07/01/2025", "1.2.3.4").expect("a stamp");
        let (encoding, text) = decode(&stamp.apply(&inx).expect("an INF"));
        assert_eq!(encoding, Encoding::Utf16Le);
        assert_eq!(text, "[Version]\nDriverVer= 07/01/2025,1.2.3.4\n");
    }

    #[test]
    fn odd_dates_and_versions_are_refused() {
        let date = Stamp::new(Architecture::Amd64, "02/30/2025", "1.0.0.0");
        assert!(matches!(date, Err(StampError::Date(_))));
        let version = Stamp::new(Architecture::Amd64, "02/01/2025", "0.0.0.0");
        assert!(matches!(version, Err(StampError::Version(_))));
    }
}
