//! What a package's checks need of an INF file.

use crate::date::Date;
use crate::error::{Error, Result};
use crate::version::Version;
use inf_check::parse;

/// An INF file.
#[derive(Clone, Debug)]
pub struct Inf(parse::Inf);

impl Inf {
    /// Reads an INF file.
    ///
    /// # Errors
    /// Something in it is no INF.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let inf = parse::Inf::parse(data);
        match inf.problems.first() {
            None => Ok(Self(inf)),
            Some(problem) => Err(Error::new(format!(
                "the INF's line {}: {}",
                problem.line, problem.advice
            ))),
        }
    }

    /// What the Version section says of a key.
    fn version(&self, key: &str) -> Result<Vec<&str>> {
        let entry = self.0.section("Version").and_then(|found| found.entry(key));
        let values = entry.into_iter().flat_map(|entry| &entry.values);
        let values: Vec<&str> = values.map(|value| value.text.as_str()).collect();
        match values.first() {
            Some(first) if !first.is_empty() => Ok(values),
            _ => Err(Error::new(format!("the INF's [Version] has no {key}"))),
        }
    }

    /// The catalog's name.
    pub fn catalog(&self) -> Result<&str> {
        Ok(self.version("CatalogFile")?[0])
    }

    /// The driver's date and version.
    pub fn driver_version(&self) -> Result<(Date, Version)> {
        let values = self.version("DriverVer")?;
        let date = Date::from_inf(values[0]).ok_or_else(|| {
            Error::new(format!(
                "DriverVer={} does not begin with a date mm/dd/yyyy",
                values[0]
            ))
        })?;
        let version = values.get(1).copied().unwrap_or_default();
        Ok((date, version.parse()?))
    }

    /// The architectures that DefaultInstall sections are for, in lower case.
    pub fn architectures(&self) -> Vec<String> {
        let sections = self.0.sections_with_prefix("DefaultInstall.NT");
        let mut found: Vec<String> = sections
            .filter_map(|section| {
                let decoration = section.name.split('.').nth(1)?.to_ascii_lowercase();
                let name = decoration.strip_prefix("nt")?;
                (!name.is_empty()).then(|| name.to_owned())
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: &str = "; [Version]\n[version]\r\nSignature = \"$WINDOWS NT$\" ; no\nDriverVer = 11/25/2026,0.1.0.7 ; x\n\
        CatalogFile = \"a;b.cat\"\n[DefaultInstall.NTamd64.10.0...25952]\nx=y\n[DefaultInstall.NTamd64.Services]\n\
        [DefaultInstall.NTARM64]\n[DefaultUninstall.NTx86]\n";

    #[test]
    fn reads_what_the_checks_need() {
        let inf = Inf::parse(INF.as_bytes()).unwrap();
        assert_eq!(inf.catalog(), Ok("a;b.cat"));
        let (date, version) = inf.driver_version().unwrap();
        assert_eq!(
            (date.to_string(), version),
            ("2026-11-25".into(), Version([0, 1, 0, 7]))
        );
        assert_eq!(inf.architectures(), ["amd64", "arm64"]);
    }

    #[test]
    fn reads_utf_16() {
        let wide: Vec<u8> = INF.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let inf = Inf::parse(&[&[0xff, 0xfe], &wide[..]].concat()).unwrap();
        assert_eq!(inf.catalog(), Ok("a;b.cat"));
    }

    #[test]
    fn says_what_is_missing() {
        let inf = Inf::parse(b"[Version]\nDriverVer=\nCatalogFile=x\n").unwrap();
        assert!(
            inf.driver_version()
                .unwrap_err()
                .to_string()
                .contains("no DriverVer")
        );
        assert!(inf.architectures().is_empty());
        let inf = Inf::parse(b"[Version]\nDriverVer=25/11/2026,1.2.3.4").unwrap();
        assert!(
            inf.driver_version()
                .unwrap_err()
                .to_string()
                .contains("mm/dd/yyyy")
        );
        let inf = Inf::parse(b"[Version]\nDriverVer=11/25/2026,1.2.x.4").unwrap();
        assert!(
            inf.driver_version()
                .unwrap_err()
                .to_string()
                .contains("four numbers")
        );
    }
}
