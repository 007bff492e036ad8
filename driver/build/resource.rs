//! A resource file, as linkers take it ("Resource File Formats").

/// A resource with the number 1, in English.
pub struct Resource {
    pub kind: u16,
    pub data: Vec<u8>,
}

impl Resource {
    pub const MESSAGE_TABLE: u16 = 11;
    pub const VERSION: u16 = 16;
}

/// RESOURCEHEADERs, each with its data: an empty one first.
pub fn file(resources: &[Resource]) -> Vec<u8> {
    const ENGLISH: u16 = 0x409;
    let mut file = header(0, 0, 0, 0);
    for resource in resources {
        file.extend(header(
            resource.data.len() as u32,
            resource.kind,
            1,
            ENGLISH,
        ));
        file.extend(&resource.data);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

fn header(bytes: u32, kind: u16, name: u16, language: u16) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(bytes.to_le_bytes());
    header.extend(0x20_u32.to_le_bytes());
    for word in [0xffff, kind, 0xffff, name, 0, 0, 0, language, 0, 0, 0, 0] {
        header.extend(u16::to_le_bytes(word));
    }
    header
}
