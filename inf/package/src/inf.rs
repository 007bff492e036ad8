//! Reads what a package's checks need of an INF file.

use crate::date::Date;
use crate::error::{Error, Result};
use crate::version::Version;

/// An INF file's sections, keys and values as they are written.
#[derive(Debug, Clone)]
pub struct Inf {
    sections: Vec<Section>,
}

#[derive(Debug, Clone)]
struct Section {
    name: String,
    lines: Vec<(String, String)>,
}

impl Inf {
    /// Reads an INF file of UTF-8 or UTF-16.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let text = decode(data).ok_or_else(|| Error::new("the INF is neither UTF-8 nor UTF-16"))?;
        let mut inf = Self {
            sections: Vec::new(),
        };
        for line in text.lines().map(|line| without_comment(line).trim()) {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                inf.sections.push(Section {
                    name: name.trim().to_owned(),
                    lines: Vec::new(),
                });
            } else if let (Some(section), Some((key, value))) =
                (inf.sections.last_mut(), line.split_once('='))
            {
                section.lines.push((
                    key.trim().to_owned(),
                    value.trim().trim_matches('"').to_owned(),
                ));
            }
        }
        Ok(inf)
    }

    /// What the Version section says of a key.
    fn version(&self, key: &str) -> Result<&str> {
        self.sections
            .iter()
            .filter(|section| section.name.eq_ignore_ascii_case("Version"))
            .flat_map(|section| &section.lines)
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Error::new(format!("the INF's [Version] has no {key}")))
    }

    /// The catalog's name.
    pub fn catalog(&self) -> Result<&str> {
        self.version("CatalogFile")
    }

    /// The driver's date and version.
    pub fn driver_version(&self) -> Result<(Date, Version)> {
        let value = self.version("DriverVer")?;
        let (date, version) = value.split_once(',').unwrap_or((value, ""));
        let date = Date::from_inf(date.trim()).ok_or_else(|| {
            Error::new(format!(
                "DriverVer={value} does not begin with a date mm/dd/yyyy"
            ))
        })?;
        Ok((date, version.trim().parse()?))
    }

    /// The architectures that DefaultInstall sections and the manufacturers' models are for, in lower
    /// case.
    pub fn architectures(&self) -> Vec<String> {
        let install = self.sections.iter().filter_map(|section| {
            let (first, rest) = section.name.split_once('.')?;
            first.eq_ignore_ascii_case("DefaultInstall").then_some(rest)
        });
        let models = self
            .sections
            .iter()
            .filter(|section| section.name.eq_ignore_ascii_case("Manufacturer"))
            .flat_map(|section| &section.lines)
            .flat_map(|(_, value)| value.split(',').skip(1));
        let mut found: Vec<String> = install
            .chain(models)
            .filter_map(|decoration| {
                let first = decoration.trim().split('.').next()?.to_ascii_lowercase();
                first
                    .strip_prefix("nt")
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

fn decode(data: &[u8]) -> Option<String> {
    match data {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16(&units).ok()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(data.to_vec()).ok(),
    }
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ';' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
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
        let inf = Inf::parse(
            b"[Version]\nDriverVer=\nCatalogFile=x\n[Manufacturer]\n%M%=Models,NTamd64\n",
        )
        .unwrap();
        assert!(
            inf.driver_version()
                .unwrap_err()
                .to_string()
                .contains("no DriverVer")
        );
        assert_eq!(inf.architectures(), ["amd64"]);
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
