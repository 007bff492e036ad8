//! The version in an image's version resource.

use crate::error::{Error, Result};
use crate::pe::Pe;
use object::LittleEndian as LE;
use object::pe::RT_VERSION;
use object::read::pe::ResourceDirectoryEntryData;
use std::fmt;
use std::str::FromStr;

/// A version of four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub [u16; 4]);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl FromStr for Version {
    type Err = Error;

    /// Reads w.x.y.z; numbers left out are zero, as in an INF.
    fn from_str(text: &str) -> Result<Self> {
        let mut version = [0; 4];
        let parts: Vec<_> = text.split('.').collect();
        if parts.len() > version.len() {
            return Err(Error::new(format!(
                "{text} is not a version of four numbers"
            )));
        }
        for (number, part) in version.iter_mut().zip(parts) {
            *number = part
                .parse()
                .map_err(|_| Error::new(format!("{text} is not a version of four numbers")))?;
        }
        Ok(Self(version))
    }
}

/// The file version in the fixed part of the image's first version resource, if it has one
/// ([VS_VERSIONINFO](https://learn.microsoft.com/windows/win32/menurc/vs-versioninfo)).
pub fn of(pe: &Pe<'_>) -> Result<Option<Version>> {
    let Some(resource) = find(pe)? else {
        return Ok(None);
    };
    // Length, length of the value, type, "VS_VERSION_INFO" and a null, filled up to 40 bytes; then
    // the signature, the structure's version, the file's version in two words of two numbers each.
    let fixed = resource
        .get(40..56)
        .filter(|fixed| fixed[..4] == 0xfeef_04bd_u32.to_le_bytes())
        .ok_or_else(|| Error::new("the version resource is not of the form that Windows reads"))?;
    let number = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    Ok(Some(Version([
        number(10),
        number(8),
        number(14),
        number(12),
    ])))
}

fn find<'data>(pe: &Pe<'data>) -> Result<Option<&'data [u8]>> {
    let damaged = |error: object::read::Error| {
        Error::new(format!("the image's resources are damaged: {error}"))
    };
    let sections = pe.file().section_table();
    let Some(directory) = pe
        .file()
        .data_directories()
        .resource_directory(pe.data(), &sections)
        .map_err(damaged)?
    else {
        return Ok(None);
    };
    let root = directory.root().map_err(damaged)?;
    let Some(types) = root
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(RT_VERSION))
    else {
        return Ok(None);
    };
    // Type, name, language: the first of each.
    let mut entry = *types;
    for _ in 0..3 {
        match entry.data(directory).map_err(damaged)? {
            ResourceDirectoryEntryData::Table(table) => {
                entry = *table
                    .entries
                    .first()
                    .ok_or_else(|| Error::new("the version resource is empty"))?;
            }
            ResourceDirectoryEntryData::Data(data) => {
                return sections
                    .pe_data_at(pe.data(), data.offset_to_data.get(LE))
                    .and_then(|bytes| bytes.get(..data.size.get(LE) as usize))
                    .map(Some)
                    .ok_or_else(|| Error::new("the version resource is not within the file"));
            }
        }
    }
    Err(Error::new("the image's resources are nested too deeply"))
}
