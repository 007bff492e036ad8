//! The event log's texts in the image: those of `driver/messages.txt`, for every code that the driver
//! writes.

use object::{
    LittleEndian as LE,
    read::pe::{PeFile64, ResourceDirectoryEntryData},
};
use std::{collections::BTreeMap, fs, path::PathBuf};

const MESSAGE_TABLE: u16 = 11;

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// MESSAGE_RESOURCE_DATA as codes and texts.
fn messages(table: &[u8]) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for block in 0..word(table, 0) as usize {
        let block = 4 + 12 * block;
        let mut at = word(table, block + 8) as usize;
        for code in word(table, block)..=word(table, block + 4) {
            let length = word(table, at) as usize & 0xffff;
            let units = table[at + 4..at + length].chunks_exact(2);
            let units: Vec<u16> = units
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .collect();
            let text = String::from_utf16(&units).expect("UTF-16");
            found.insert(code, text.trim_end_matches('\0').to_owned());
            at += length;
        }
    }
    found
}

fn table_of(image: &[u8]) -> Vec<u8> {
    let pe = PeFile64::parse(image).expect("an image");
    let sections = pe.section_table();
    let directory = pe.data_directories().resource_directory(image, &sections);
    let directory = directory.expect("resources").expect("a directory");
    let mut level = directory.root().expect("a root");
    let mut entry = level
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(MESSAGE_TABLE))
        .expect("a message table");
    loop {
        match entry.data(directory).expect("an entry") {
            ResourceDirectoryEntryData::Table(below) => {
                level = below;
                entry = &level.entries[0];
            }
            ResourceDirectoryEntryData::Data(data) => {
                let bytes = sections.pe_data_at(image, data.offset_to_data.get(LE));
                return bytes.expect("data")[..data.size.get(LE) as usize].to_vec();
            }
        }
    }
}

#[test]
fn every_event_has_its_text() {
    let image = fs::read(project("target/driver/daxflush.sys"));
    let image = image.expect("run scripts/build-driver");
    let found = messages(&table_of(&image));
    let texts = fs::read_to_string(project("driver/messages.txt")).expect("the texts");
    let written = texts
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (code, text) = line.split_once(' ').expect("a code and a text");
            let code = u32::from_str_radix(code.trim_start_matches("0x"), 16).expect("a code");
            (code, format!("{text}\r\n"))
        });
    assert_eq!(found, written.collect());
    let source = fs::read_to_string(project("driver/src/nt/event_log.rs")).expect("the source");
    let codes: Vec<u32> = source
        .lines()
        .filter_map(|line| {
            let code = line.trim().split_once(" = 0x")?.1.strip_suffix(',')?;
            u32::from_str_radix(&code.replace('_', ""), 16).ok()
        })
        .collect();
    assert_eq!(codes.len(), found.len());
    for code in codes {
        assert!(found.contains_key(&code), "{code:#x}");
    }
}
