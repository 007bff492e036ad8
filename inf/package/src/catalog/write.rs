//! Writes a catalog that nobody has signed yet.

use super::member::{Kind, Member};
use super::oids;
use super::os::Os;
use crate::date::Date;
use crate::der;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};

/// CRYPTCAT_ATTR_AUTHENTICATED, _NAMEASCII and _DATAASCII
/// ([CRYPTCATATTRIBUTE](https://learn.microsoft.com/windows/win32/api/mscat/ns-mscat-cryptcatattribute)).
const PLAIN_TEXT: u32 = 0x1001_0001;

/// What every file's OSAttr says: Windows NT (2) 10.0.
const OS_ATTRIBUTE: &str = "2:10.0";

/// What a catalog has.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The files.
    pub members: Vec<Member>,
    /// The systems that the package is for.
    pub systems: Vec<Os>,
    /// The hardware it is for; a primitive driver has none.
    pub hardware: Vec<String>,
    /// The day the catalog is of.
    pub date: Date,
}

/// Writes a catalog of version 2 as Microsoft makes them: every member with its SHA-1 and its SHA-256
/// hash, in the order of the hashes.
pub fn write(contents: &Contents) -> Result<Vec<u8>> {
    if contents.members.is_empty() || contents.systems.is_empty() {
        return Err(Error::new("a catalog needs a file and a system at least"));
    }
    let mut names: Vec<_> = contents
        .members
        .iter()
        .map(|member| member.name.to_ascii_lowercase())
        .collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::new(format!("two files are called {}", pair[0])));
    }
    let list = list(contents);
    let content = der::sequence(&[der::oid(oids::CTL), der::context(0, &list)]);
    let (no_algorithms, no_signers) = (der::set_of(Vec::new()), der::set_of(Vec::new()));
    let signed_data = der::sequence(&[der::integer(1), no_algorithms, content, no_signers]);
    Ok(der::sequence(&[
        der::oid(oids::SIGNED_DATA),
        der::context(0, &signed_data),
    ]))
}

/// The certificate trust list.
fn list(contents: &Contents) -> Vec<u8> {
    let mut entries: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for member in &contents.members {
        let common = [
            member_info(member),
            attribute("OSAttr", OS_ATTRIBUTE),
            attribute("File", &member.name),
        ];
        let mut with_hash = common.to_vec();
        with_hash.push(indirect_data(member));
        entries.push((&member.sha1, entry(&member.sha1, common.to_vec())));
        entries.push((&member.sha256, entry(&member.sha256, with_hash)));
    }
    entries.sort();
    // Two files of the same bytes are under one hash, the first by name.
    entries.dedup_by_key(|(tag, _)| *tag);
    let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
    let entries = der::sequence(&entries);

    let systems: Vec<_> = contents.systems.iter().map(Os::name).collect();
    let mut extensions = vec![extension("OS", &systems.join(","))];
    for (number, id) in contents.hardware.iter().enumerate() {
        extensions.push(extension(
            &format!("HWID{}", number + 1),
            &id.to_lowercase(),
        ));
    }
    let extensions = der::sequence(&extensions);

    // Microsoft's is random.
    let mut hash = Sha256::new();
    hash.update(&entries);
    hash.update(&extensions);
    let identifier = hash.finalize();
    der::sequence(&[
        der::sequence(&[der::oid(oids::CATALOG_LIST)]),
        der::octets(&identifier[..16]),
        der::utc_time(contents.date),
        der::sequence(&[der::oid(oids::CATALOG_LIST_MEMBER2), der::null()]),
        entries,
        der::context(0, &extensions),
    ])
}

fn entry(hash: &[u8], attributes: Vec<Vec<u8>>) -> Vec<u8> {
    der::sequence(&[der::octets(hash), der::set_of(attributes)])
}

fn member_info(member: &Member) -> Vec<u8> {
    let kind = match member.kind {
        Kind::Image => 0,
        Kind::Flat => 2,
    };
    der::sequence(&[
        der::oid(oids::MEMBER_INFO2),
        der::set_of(vec![der::context_empty(kind)]),
    ])
}

/// SpcIndirectDataContent: what was hashed, and the hash.
fn indirect_data(member: &Member) -> Vec<u8> {
    // SpcLink's choice [2], a file: SpcString's choice [0], of no characters.
    let file = der::context(2, &der::context_empty(0));
    let what = match member.kind {
        Kind::Image => der::sequence(&[
            der::oid(oids::PE_IMAGE_DATA),
            // SpcPeImageData: the flags that all catalogs have, and the file.
            der::sequence(&[der::bits(5, &[0xa0]), der::context(0, &file)]),
        ]),
        Kind::Flat => der::sequence(&[der::oid(oids::CAB_DATA), file]),
    };
    let algorithm = der::sequence(&[der::oid(oids::SHA256), der::null()]);
    let digest = der::sequence(&[algorithm, der::octets(&member.sha256)]);
    let content = der::sequence(&[what, digest]);
    der::sequence(&[der::oid(oids::INDIRECT_DATA), der::set_of(vec![content])])
}

/// A member's attribute.
fn attribute(name: &str, value: &str) -> Vec<u8> {
    der::sequence(&[
        der::oid(oids::NAME_VALUE),
        der::set_of(vec![name_value(name, value)]),
    ])
}

/// The whole catalog's attribute.
fn extension(name: &str, value: &str) -> Vec<u8> {
    der::sequence(&[
        der::oid(oids::NAME_VALUE),
        der::octets(&name_value(name, value)),
    ])
}

fn name_value(name: &str, value: &str) -> Vec<u8> {
    let value: Vec<u8> = value
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    der::sequence(&[
        der::bmp_string(name),
        der::integer(PLAIN_TEXT),
        der::octets(&value),
    ])
}
