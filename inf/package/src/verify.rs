//! Checks a finished package: that its files belong together.

use crate::authenticode;
use crate::catalog::member::Kind;
use crate::catalog::read::Catalog;
use crate::checksum::checksum;
use crate::error::{self, Error, Result};
use crate::inf::Inf;
use crate::pe::Pe;
use crate::version;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::Path;

const DRIVER: &str = "daxflush.sys";
const INF: &str = "daxflush.inf";
const CATALOG: &str = "daxflush.cat";
const TOOL: &str = "daxctl.exe";

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// What all checks found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether all is as it should be.
    pub ok: bool,
    /// Every check.
    pub checks: Vec<Check>,
}

/// A package's files.
struct Package {
    driver: Vec<u8>,
    inf: Vec<u8>,
    catalog: Vec<u8>,
    tool: Vec<u8>,
}

/// Checks the package in `folder`. A catalog that nobody signed is a fault unless `unsigned`.
pub fn verify(folder: &Path, unsigned: bool) -> Result<Report> {
    let read = |name| error::read(&folder.join(name));
    let package = Package {
        driver: read(DRIVER)?,
        inf: read(INF)?,
        catalog: read(CATALOG)?,
        tool: read(TOOL)?,
    };
    Ok(package.report(unsigned))
}

impl Package {
    fn report(&self, unsigned: bool) -> Report {
        let checks: Vec<_> = [
            ("INF's catalog", self.inf_names_catalog()),
            ("driver's architecture", self.architecture(&self.driver)),
            ("daxctl's architecture", self.architecture(&self.tool)),
            ("driver's checksum", checksum_of(&self.driver, true)),
            ("daxctl's checksum", checksum_of(&self.tool, false)),
            ("driver's version", self.version(&self.driver, true)),
            ("daxctl's version", self.version(&self.tool, false)),
            ("driver in catalog", self.listed(DRIVER, Kind::Image)),
            ("INF in catalog", self.listed(INF, Kind::Flat)),
            ("catalog's other files", self.nothing_else()),
            ("catalog's systems", self.systems()),
            ("catalog's signature", self.signed(unsigned)),
        ]
        .into_iter()
        .map(|(name, result)| match result {
            Ok(detail) => Check {
                name,
                ok: true,
                detail,
            },
            Err(error) => Check {
                name,
                ok: false,
                detail: error.to_string(),
            },
        })
        .collect();
        Report {
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }

    fn inf_names_catalog(&self) -> Result<String> {
        let inf = Inf::parse(&self.inf)?;
        let name = inf.catalog()?;
        if name.eq_ignore_ascii_case(CATALOG) {
            Ok(name.to_owned())
        } else {
            Err(Error::new(format!(
                "the INF names {name}, the package has {CATALOG}"
            )))
        }
    }

    fn architecture(&self, image: &[u8]) -> Result<String> {
        let machine = Pe::parse(image)?.machine();
        let meant = Inf::parse(&self.inf)?.architectures();
        if meant == [machine.as_str()] {
            Ok(machine)
        } else {
            Err(Error::new(format!(
                "the image is for {machine}, the INF for {}",
                or_none(&meant.join(", "))
            )))
        }
    }

    fn version(&self, image: &[u8], needed: bool) -> Result<String> {
        let Some(version) = version::of(&Pe::parse(image)?)? else {
            let absent = "has no version resource";
            return if needed {
                Err(Error::new(absent))
            } else {
                Ok(absent.to_owned())
            };
        };
        let (date, meant) = Inf::parse(&self.inf)?.driver_version()?;
        if version == meant {
            Ok(format!("{version}, of {date}"))
        } else {
            Err(Error::new(format!(
                "the image is {version}, DriverVer is {meant}"
            )))
        }
    }

    fn listed(&self, name: &str, kind: Kind) -> Result<String> {
        let catalog = Catalog::parse(&self.catalog)?;
        let hash = self.hash(kind)?;
        let entry = catalog.entries.iter().find(|entry| entry.tag == hash).ok_or_else(|| {
            let known = catalog.entries.iter().any(|entry| entry.attribute("File") == Some(name));
            Error::new(match known {
                true => "the catalog has another hash for it: the file was changed since the catalog was made",
                false => "the catalog does not list it",
            })
        })?;
        if entry.hash != Some((kind, hash.clone())) || entry.kind != Some(kind) {
            return Err(Error::new(
                "the catalog's entry does not have the hash that it is found by",
            ));
        }
        if !entry
            .attribute("File")
            .is_some_and(|file| file.eq_ignore_ascii_case(name))
        {
            let file = entry.attribute("File").unwrap_or_default();
            return Err(Error::new(format!(
                "the catalog calls it {}",
                or_none(file)
            )));
        }
        Ok(format!("SHA-256 {}", hex(&hash)))
    }

    fn hash(&self, kind: Kind) -> Result<Vec<u8>> {
        match kind {
            Kind::Image => authenticode::hash::<Sha256>(&Pe::parse(&self.driver)?),
            Kind::Flat => Ok(Sha256::digest(&self.inf).to_vec()),
        }
    }

    fn nothing_else(&self) -> Result<String> {
        let catalog = Catalog::parse(&self.catalog)?;
        for entry in &catalog.entries {
            let file = entry.attribute("File").unwrap_or_default();
            if ![DRIVER, INF]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(file))
            {
                return Err(Error::new(format!(
                    "the catalog lists {}, which this package does not have",
                    or_none(file)
                )));
            }
        }
        Ok("none".to_owned())
    }

    fn systems(&self) -> Result<String> {
        let catalog = Catalog::parse(&self.catalog)?;
        if !catalog.version2 {
            return Err(Error::new(
                "the catalog is of version 1, which has no SHA-256 hashes",
            ));
        }
        catalog
            .attribute("OS")
            .filter(|systems| !systems.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| Error::new("the catalog names no system"))
    }

    fn signed(&self, unsigned: bool) -> Result<String> {
        match Catalog::parse(&self.catalog)?.signers.as_slice() {
            [] if unsigned => Ok("none, as expected".to_owned()),
            [] => Err(Error::new(
                "nobody signed the catalog; sign it, or say --unsigned",
            )),
            signers if signers.contains(&false) => {
                Err(Error::new("the signature is of another list than this"))
            }
            _ => Ok("is of this list (osslsigncode verify checks the signature itself)".to_owned()),
        }
    }
}

/// Compares the checksum. Windows checks a driver's; any other image may have none.
fn checksum_of(image: &[u8], needed: bool) -> Result<String> {
    let pe = Pe::parse(image)?;
    let (found, meant) = (pe.checksum(), checksum(image, pe.checksum_field().start));
    match found {
        0 if !needed => Ok("has none".to_owned()),
        _ if found == meant => Ok(format!("{found:#010x}")),
        _ => Err(Error::new(format!(
            "the header says {found:#010x}, the file's is {meant:#010x}"
        ))),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
