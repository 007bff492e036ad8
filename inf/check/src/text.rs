//! The encodings of an INF.

/// How the characters of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII, or an unmarked code page.
    Unmarked,
    /// With a byte order mark.
    Utf8,
    /// With a byte order mark.
    Utf16Le,
    /// With a byte order mark.
    Utf16Be,
}

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF16_LE_MARK: &[u8] = &[0xFF, 0xFE];
const UTF16_BE_MARK: &[u8] = &[0xFE, 0xFF];

/// The text of a file; what is no character becomes U+FFFD.
pub fn decode(bytes: &[u8]) -> (Encoding, String) {
    if let Some(rest) = bytes.strip_prefix(UTF8_MARK) {
        (Encoding::Utf8, String::from_utf8_lossy(rest).into_owned())
    } else if let Some(rest) = bytes.strip_prefix(UTF16_LE_MARK) {
        (Encoding::Utf16Le, utf16(rest, u16::from_le_bytes))
    } else if let Some(rest) = bytes.strip_prefix(UTF16_BE_MARK) {
        (Encoding::Utf16Be, utf16(rest, u16::from_be_bytes))
    } else {
        let text = String::from_utf8_lossy(bytes).into_owned();
        (Encoding::Unmarked, text)
    }
}

/// The bytes of a file.
pub fn encode(encoding: Encoding, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match encoding {
        Encoding::Unmarked => bytes.extend_from_slice(text.as_bytes()),
        Encoding::Utf8 => {
            bytes.extend_from_slice(UTF8_MARK);
            bytes.extend_from_slice(text.as_bytes());
        }
        Encoding::Utf16Le => {
            bytes.extend_from_slice(UTF16_LE_MARK);
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
        Encoding::Utf16Be => {
            bytes.extend_from_slice(UTF16_BE_MARK);
            bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        }
    }
    bytes
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        // Half a unit at the end: no character.
        _ => 0xD800,
    });
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for encoding in [
            Encoding::Unmarked,
            Encoding::Utf8,
            Encoding::Utf16Le,
            Encoding::Utf16Be,
        ] {
            let bytes = encode(encoding, "[Version]\r\nä");
            assert_eq!(decode(&bytes), (encoding, "[Version]\r\nä".to_owned()));
        }
    }

    #[test]
    fn half_a_character_is_none() {
        let (_, text) = decode(&[0xFF, 0xFE, b'[', 0, b'V']);
        assert_eq!(text, "[\u{FFFD}");
    }
}
