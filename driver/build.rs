//! Links against the kernel and the Filter Manager, and makes the message table of the event log.

use std::{env, fs, io, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-link-lib=static:-bundle=fltmgr");
    let resource = PathBuf::from(env::var("OUT_DIR")?).join("messages.res");
    fs::write(&resource, messages()?)?;
    println!("cargo::rerun-if-changed=messages.txt");
    println!("cargo::rustc-cdylib-link-arg={}", resource.display());
    Ok(wdk_build::configure_wdk_binary_build()?)
}

/// A resource file with the table of `messages.txt`, of lines of a code and a text.
fn messages() -> io::Result<Vec<u8>> {
    let text = fs::read_to_string("messages.txt")?;
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let bad = || io::Error::other(format!("messages.txt: {line}"));
        let (code, message) = line.split_once(' ').ok_or_else(bad)?;
        let code = code.strip_prefix("0x").ok_or_else(bad)?;
        entries.push((u32::from_str_radix(code, 16).map_err(|_| bad())?, message));
    }
    entries.sort();
    Ok(resource_file(&message_table(&entries)))
}

/// MESSAGE_RESOURCE_DATA (winnt.h): blocks of codes that follow each other, here of one each, and their
/// texts in UTF-16.
fn message_table(entries: &[(u32, &str)]) -> Vec<u8> {
    const UNICODE: u16 = 1;
    let mut table = (entries.len() as u32).to_le_bytes().to_vec();
    let mut texts = Vec::new();
    let first = 4 + 12 * entries.len();
    for (code, text) in entries {
        let offset = (first + texts.len()) as u32;
        for word in [*code, *code, offset] {
            table.extend(word.to_le_bytes());
        }
        let mut units: Vec<u16> = format!("{text}\r\n\0").encode_utf16().collect();
        units.resize(units.len().next_multiple_of(2), 0);
        texts.extend(((4 + 2 * units.len()) as u16).to_le_bytes());
        texts.extend(UNICODE.to_le_bytes());
        texts.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
    table.extend(texts);
    table
}

/// RESOURCEHEADER ("Resource File Formats"): an empty one first, then the table, as number 1, in English.
fn resource_file(table: &[u8]) -> Vec<u8> {
    const MESSAGE_TABLE: u16 = 11;
    const ENGLISH: u16 = 0x409;
    let header = |bytes: u32, kind: u16, name: u16, language: u16| {
        let mut header = Vec::new();
        header.extend(bytes.to_le_bytes());
        header.extend(0x20_u32.to_le_bytes());
        for word in [0xffff, kind, 0xffff, name, 0, 0, 0, language, 0, 0, 0, 0] {
            header.extend(u16::to_le_bytes(word));
        }
        header
    };
    let mut file = header(0, 0, 0, 0);
    file.extend(header(table.len() as u32, MESSAGE_TABLE, 1, ENGLISH));
    file.extend(table);
    file.resize(file.len().next_multiple_of(4), 0);
    file
}
