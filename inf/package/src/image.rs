//! An image that does not depend on the folder it was built in.
//!
//! With /Brepro, lld takes an image's time stamps and the GUID of its PDB file from a hash of the PDB
//! file, which has the paths of all that was linked. Here they come from a hash of the image itself.

use crate::checksum::checksum;
use crate::error::{Error, Result};
use crate::guid::Guid;
use crate::pe::{DebugKind, Pe};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Beginnings of paths on machines that build, which no image is to have.
pub const FORBIDDEN: [&str; 5] = ["/home/", "/root/", "/tmp/", r":\Users\", "/Users/"];

/// How an image names its PDB file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    /// The GUID that the PDB file has, too.
    pub guid: Guid,
    /// How often the PDB file was written since.
    pub age: u32,
}

/// A finished image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its bytes.
    pub image: Vec<u8>,
    /// Its time stamp, which is from a hash.
    pub stamp: u32,
    /// Its checksum.
    pub checksum: u32,
    /// The PDB file that it named before, and how it names it now.
    pub symbols: Option<(Symbols, Symbols)>,
}

/// Finishes a linked image that has none of the `forbidden` strings.
pub fn finish<S: AsRef<str>>(linked: &[u8], forbidden: &[S]) -> Result<Finished> {
    let pe = Pe::parse(linked)?;
    if pe.certificates()?.is_some() {
        return Err(Error::new(
            "the image is signed already; give the one that the linker made",
        ));
    }
    for string in forbidden {
        refuse(linked, string.as_ref())?;
    }
    let fields = Fields::of(&pe)?;
    let mut image = linked.to_vec();
    fields
        .guid
        .iter()
        .chain(&fields.hashes)
        .chain(&fields.stamps)
        .for_each(|field| image[field.clone()].fill(0));
    image[pe.checksum_field()].fill(0);

    let hash: [u8; 32] = Sha256::digest(&image).into();
    let stamp = match u32::from_le_bytes([hash[16], hash[17], hash[18], hash[19]]) {
        // They mean "no time stamp".
        0 | u32::MAX => 1,
        other => other,
    };
    for field in &fields.stamps {
        image[field.clone()].copy_from_slice(&stamp.to_le_bytes());
    }
    for field in &fields.hashes {
        image[field.clone()].copy_from_slice(&hash);
    }
    let symbols = fields.guid.map(|field| {
        let guid = Guid::from_hash(&hash);
        let mut before = [0; 16];
        before.copy_from_slice(&linked[field.clone()]);
        image[field].copy_from_slice(&guid.0);
        (
            Symbols {
                guid: Guid(before),
                age: fields.age,
            },
            Symbols {
                guid,
                age: fields.age,
            },
        )
    });
    let checksum = checksum(&image, pe.checksum_field().start);
    image[pe.checksum_field()].copy_from_slice(&checksum.to_le_bytes());
    Ok(Finished {
        image,
        stamp,
        checksum,
        symbols,
    })
}

/// What is set from the hash.
struct Fields {
    /// The header's time stamp and those of the debug directory.
    stamps: Vec<Range<usize>>,
    /// The hashes of REPRO entries. lld makes such an entry with nothing in it, and so it stays.
    hashes: Vec<Range<usize>>,
    /// The GUID of the PDB file.
    guid: Option<Range<usize>>,
    age: u32,
}

impl Fields {
    fn of(pe: &Pe<'_>) -> Result<Self> {
        let mut fields = Self {
            stamps: vec![pe.stamp()],
            hashes: Vec::new(),
            guid: None,
            age: 0,
        };
        for entry in pe.debug_entries()? {
            fields.stamps.push(entry.stamp);
            let data = &pe.data()[entry.data.clone()];
            let start = entry.data.start;
            match entry.kind {
                DebugKind::CodeView => {
                    // "RSDS", the GUID, the age, the name.
                    let (Some(b"RSDS"), Some(age)) = (data.get(..4), data.get(20..24)) else {
                        return Err(Error::new(
                            "the image names its PDB file in a form other than RSDS",
                        ));
                    };
                    if fields.guid.replace(start + 4..start + 20).is_some() {
                        return Err(Error::new("the image names two PDB files"));
                    }
                    fields.age = u32::from_le_bytes([age[0], age[1], age[2], age[3]]);
                }
                DebugKind::Repro if data.is_empty() => {}
                DebugKind::Repro => {
                    if data.len() != 36 || data[..4] != 32u32.to_le_bytes() {
                        return Err(Error::new(
                            "the image's REPRO entry has no hash of 32 bytes",
                        ));
                    }
                    fields.hashes.push(start + 4..start + 36);
                }
                DebugKind::Other => {}
            }
        }
        fields.apart(pe)?;
        Ok(fields)
    }

    /// Refuses fields of which one lies in another, as only a damaged image has them.
    fn apart(&self, pe: &Pe<'_>) -> Result<()> {
        let mut all: Vec<_> = self
            .guid
            .iter()
            .chain(&self.hashes)
            .chain(&self.stamps)
            .cloned()
            .collect();
        all.push(pe.checksum_field());
        all.sort_by_key(|field| field.start);
        if all.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err(Error::new(
                "the image's debug directory lies over other fields",
            ));
        }
        Ok(())
    }
}

/// Refuses an image that has a string, in whatever case, of 8-bit or of 16-bit characters.
fn refuse(image: &[u8], string: &str) -> Result<()> {
    if string.is_empty() {
        return Err(Error::new(
            "an empty string is in every image: give --forbid a string",
        ));
    }
    let wide: Vec<u8> = string.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for pattern in [string.as_bytes(), &wide] {
        if let Some(at) = image
            .windows(pattern.len())
            .position(|window| window.eq_ignore_ascii_case(pattern))
        {
            let text: String = image[at..]
                .iter()
                .filter(|byte| pattern.len() == string.len() || **byte != 0)
                .take_while(|byte| byte.is_ascii_graphic())
                .take(100)
                .map(|&byte| char::from(byte))
                .collect();
            return Err(Error::new(format!(
                "the image has {string:?} at {at:#x}, in {text:?}: a path of the machine that built it; \
                 build with --remap-path-prefix and /PDBALTPATH"
            )));
        }
    }
    Ok(())
}
