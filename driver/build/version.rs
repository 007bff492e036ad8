//! The version resource: VS_VERSIONINFO ("VERSIONINFO resource", "VS_VERSIONINFO").

use std::{io, iter};

/// What Windows shows of the file, and installers compare.
pub fn information(version: &str) -> io::Result<Vec<u8>> {
    let numbers = numbers(version).ok_or_else(|| io::Error::other(format!("version {version}")))?;
    let dotted = numbers.map(|number| number.to_string()).join(".");
    let texts = [
        ("CompanyName", "The daxflush authors"),
        (
            "FileDescription",
            "daxflush: exact commits on persistent memory",
        ),
        ("FileVersion", &dotted),
        ("InternalName", "daxflush"),
        ("LegalCopyright", "The daxflush authors. MIT OR Apache-2.0"),
        ("OriginalFilename", "daxflush.sys"),
        ("ProductName", "daxflush"),
        ("ProductVersion", &dotted),
    ];
    let texts = texts.map(|(key, text)| Block::text(key, text).bytes());
    // English, in Unicode.
    let table = Block::of("040904b0", &texts).bytes();
    let translation = Block::value(
        "Translation",
        [0x0409_u16, 0x04b0].map(u16::to_le_bytes).concat(),
    );
    let children = [
        Block::of("StringFileInfo", &[table]).bytes(),
        Block::of("VarFileInfo", &[translation.bytes()]).bytes(),
    ];
    let mut root = Block::value("VS_VERSION_INFO", fixed(numbers));
    root.children = children.to_vec();
    Ok(root.bytes())
}

/// Windows counts in four numbers.
fn numbers(version: &str) -> Option<[u16; 4]> {
    let mut numbers = [0; 4];
    let mut parts = version.split('.');
    for number in numbers.iter_mut().take(3) {
        *number = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// VS_FIXEDFILEINFO (ns-verrsrc-vs_fixedfileinfo).
fn fixed([major, minor, patch, build]: [u16; 4]) -> Vec<u8> {
    const SIGNATURE: u32 = 0xfeef_04bd;
    const STRUCTURE: u32 = 0x1_0000;
    const FLAGS_MASK: u32 = 0x3f;
    const VOS_NT_WINDOWS32: u32 = 0x4_0004;
    const VFT_DRV: u32 = 3;
    const VFT2_DRV_SYSTEM: u32 = 7;
    let high = u32::from(major) << 16 | u32::from(minor);
    let low = u32::from(patch) << 16 | u32::from(build);
    let words = [
        SIGNATURE,
        STRUCTURE,
        high,
        low,
        high,
        low,
        FLAGS_MASK,
        0,
        VOS_NT_WINDOWS32,
        VFT_DRV,
        VFT2_DRV_SYSTEM,
        0,
        0,
    ];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A node of the tree: length, length of the value, whether that is text, a key, the value, and the
/// children, each on a boundary of 4 bytes.
struct Block<'a> {
    key: &'a str,
    value: Vec<u8>,
    is_text: bool,
    children: Vec<Vec<u8>>,
}

impl<'a> Block<'a> {
    fn of(key: &'a str, children: &[Vec<u8>]) -> Self {
        let children = children.to_vec();
        Self {
            key,
            value: Vec::new(),
            is_text: true,
            children,
        }
    }

    fn value(key: &'a str, value: Vec<u8>) -> Self {
        Self {
            key,
            value,
            is_text: false,
            children: Vec::new(),
        }
    }

    fn text(key: &'a str, text: &str) -> Self {
        Self {
            key,
            value: utf16(text),
            is_text: true,
            children: Vec::new(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 6];
        bytes.extend(utf16(self.key));
        for part in iter::once(&self.value).chain(&self.children) {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(part);
        }
        // A text's length is counted in characters.
        let value = self.value.len() / if self.is_text { 2 } else { 1 };
        let head = [bytes.len() as u16, value as u16, u16::from(self.is_text)];
        bytes[..6].copy_from_slice(&head.map(u16::to_le_bytes).concat());
        bytes
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain(iter::once(0));
    units.flat_map(u16::to_le_bytes).collect()
}
