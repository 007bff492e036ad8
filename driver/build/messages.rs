//! The message table: MESSAGE_RESOURCE_DATA (ns-winnt-message_resource_data).

use std::io;

/// The table of a text of lines of a code and a message.
pub fn table(text: &str) -> io::Result<Vec<u8>> {
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let bad = || io::Error::other(format!("messages.txt: {line}"));
        let (code, message) = line.split_once(' ').ok_or_else(bad)?;
        let code = code.strip_prefix("0x").ok_or_else(bad)?;
        entries.push((u32::from_str_radix(code, 16).map_err(|_| bad())?, message));
    }
    entries.sort();
    Ok(blocks(&entries))
}

/// Blocks of codes that follow each other, here of one each, and their texts in UTF-16.
fn blocks(entries: &[(u32, &str)]) -> Vec<u8> {
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
