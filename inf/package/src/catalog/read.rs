//! Reads catalogs, signed or not, with a library that did not write them.

use super::member::Kind;
use super::oids;
use crate::error::{Error, Result};
use cms::cert::x509::attr::Attribute;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use der::asn1::{Any, BmpString, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Decode, Sequence, Tag, Tagged};
use sha2::{Digest, Sha256};

/// A catalog.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Whether its members are of version 2.
    pub version2: bool,
    /// The files' entries, in its order.
    pub entries: Vec<Entry>,
    /// Attributes of the whole: names and values.
    pub attributes: Vec<(String, String)>,
    /// For every signer, whether it signed this list. The signature itself is not verified.
    pub signers: Vec<bool>,
}

/// An entry for a file.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The hash that it is found by.
    pub tag: Vec<u8>,
    /// What kind of file it says it is.
    pub kind: Option<Kind>,
    /// The SHA-256 hash, of the kind of file that goes with it.
    pub hash: Option<(Kind, Vec<u8>)>,
    /// Names and values.
    pub attributes: Vec<(String, String)>,
}

impl Entry {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Sequence)]
struct List {
    usage: Vec<ObjectIdentifier>,
    _identifier: OctetString,
    _this_update: UtcTime,
    algorithm: AlgorithmIdentifierOwned,
    entries: Vec<ListEntry>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct ListEntry {
    tag: OctetString,
    attributes: SetOfVec<Attribute>,
}

#[derive(Sequence)]
struct Extension {
    oid: ObjectIdentifier,
    value: OctetString,
}

#[derive(Sequence)]
struct NameValue {
    name: BmpString,
    _flags: u32,
    value: OctetString,
}

#[derive(Sequence)]
struct IndirectData {
    what: What,
    digest: DigestInfo,
}

#[derive(Sequence)]
struct What {
    oid: ObjectIdentifier,
    _value: Any,
}

#[derive(Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

impl Catalog {
    /// Reads a catalog.
    pub fn parse(data: &[u8]) -> Result<Self> {
        Self::decode(data)
            .map_err(|error| Error::new(format!("not a catalog that can be read: {error}")))
    }

    fn decode(data: &[u8]) -> der::Result<Self> {
        let info = ContentInfo::from_der(data)?;
        expect(info.content_type, oids::SIGNED_DATA)?;
        let signed: SignedData = info.content.decode_as()?;
        expect(signed.encap_content_info.econtent_type, oids::CTL)?;
        let content = signed
            .encap_content_info
            .econtent
            .ok_or_else(|| Tag::Sequence.value_error())?;
        let list: List = content.decode_as()?;
        for usage in &list.usage {
            expect(*usage, oids::CATALOG_LIST)?;
        }
        let mut attributes = Vec::new();
        for extension in list.extensions.unwrap_or_default() {
            if is(extension.oid, oids::NAME_VALUE) {
                attributes.push(text(&NameValue::from_der(extension.value.as_bytes())?)?);
            }
        }
        Ok(Self {
            version2: is(list.algorithm.oid, oids::CATALOG_LIST_MEMBER2),
            entries: list.entries.iter().map(entry).collect::<der::Result<_>>()?,
            attributes,
            signers: signed
                .signer_infos
                .0
                .iter()
                .map(|signer| signs(signer, content.value()))
                .collect(),
        })
    }

    /// The value of an attribute of the whole.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

fn entry(listed: &ListEntry) -> der::Result<Entry> {
    let mut entry = Entry {
        tag: listed.tag.as_bytes().to_vec(),
        ..Entry::default()
    };
    for attribute in listed.attributes.iter() {
        let value = attribute
            .values
            .get(0)
            .ok_or_else(|| Tag::Set.value_error())?;
        if is(attribute.oid, oids::NAME_VALUE) {
            entry.attributes.push(text(&value.decode_as()?)?);
        } else if is(attribute.oid, oids::MEMBER_INFO2) {
            entry.kind = match value.tag().number().value() {
                0 => Some(Kind::Image),
                2 => Some(Kind::Flat),
                _ => None,
            };
        } else if is(attribute.oid, oids::INDIRECT_DATA) {
            let data: IndirectData = value.decode_as()?;
            let kind = [
                (Kind::Image, oids::PE_IMAGE_DATA),
                (Kind::Flat, oids::CAB_DATA),
            ]
            .into_iter()
            .find(|(_, oid)| is(data.what.oid, oid));
            if let (Some((kind, _)), true) = (kind, is(data.digest.algorithm.oid, oids::SHA256)) {
                entry.hash = Some((kind, data.digest.digest.as_bytes().to_vec()));
            }
        }
    }
    Ok(entry)
}

/// Whether what a signer signed is the content with this value.
fn signs(signer: &SignerInfo, content: &[u8]) -> bool {
    const MESSAGE_DIGEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 4];
    let signed = signer
        .signed_attrs
        .iter()
        .flat_map(|attributes| attributes.iter());
    let digest = signed
        .filter(|attribute| is(attribute.oid, MESSAGE_DIGEST))
        .find_map(|attribute| attribute.values.get(0)?.decode_as::<OctetString>().ok());
    is(signer.digest_alg.oid, oids::SHA256)
        && digest.is_some_and(|digest| digest.as_bytes() == Sha256::digest(content).as_slice())
}

fn text(attribute: &NameValue) -> der::Result<(String, String)> {
    let units: Vec<u16> = attribute
        .value
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let end = units
        .iter()
        .position(|&unit| unit == 0)
        .unwrap_or(units.len());
    let value = String::from_utf16(&units[..end]).map_err(|_| Tag::OctetString.value_error())?;
    Ok((attribute.name.to_string(), value))
}

fn is(oid: ObjectIdentifier, arcs: &[u32]) -> bool {
    oid.arcs().eq(arcs.iter().copied())
}

fn expect(oid: ObjectIdentifier, arcs: &[u32]) -> der::Result<()> {
    if is(oid, arcs) {
        Ok(())
    } else {
        Err(der::ErrorKind::OidUnknown { oid }.into())
    }
}
