//! The values of an ETW event's fields, from its bytes.

use crate::events::Value;

/// Numbers of TDH_IN_TYPE (tdh.h).
mod kind {
    pub const UNICODE_STRING: u16 = 1;
    pub const ANSI_STRING: u16 = 2;
    pub const INT8: u16 = 3;
    pub const UINT8: u16 = 4;
    pub const INT16: u16 = 5;
    pub const UINT16: u16 = 6;
    pub const INT32: u16 = 7;
    pub const UINT32: u16 = 8;
    pub const INT64: u16 = 9;
    pub const UINT64: u16 = 10;
    pub const BOOLEAN: u16 = 13;
    pub const HEX_INT32: u16 = 20;
    pub const HEX_INT64: u16 = 21;
    pub const MANIFEST_COUNTED_STRING: u16 = 22;
    pub const MANIFEST_COUNTED_ANSI_STRING: u16 = 23;
    pub const COUNTED_STRING: u16 = 300;
    pub const COUNTED_ANSI_STRING: u16 = 301;
}

/// What an event says of a field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, a TDH_IN_TYPE.
    pub kind: u16,
    /// Characters of a text that neither is counted nor ends with a 0.
    pub length: Option<Length>,
}

/// Where the length of a text is.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// It is always the same.
    Fixed(u16),
    /// It is the value of the field with this number.
    Of(u16),
}

/// The fields with their values, in order. What follows a field of a type that the driver does not
/// use is one value of bytes.
pub fn values(fields: Vec<Field>, mut data: &[u8]) -> Vec<(String, Value)> {
    let mut values: Vec<(String, Value)> = Vec::with_capacity(fields.len());
    for field in fields {
        let length = match field.length {
            None => None,
            Some(Length::Fixed(length)) => Some(length.into()),
            Some(Length::Of(index)) => match values.get(usize::from(index)) {
                Some((_, Value::Unsigned(length))) => usize::try_from(*length).ok(),
                _ => None,
            },
        };
        match value(field.kind, length, &mut data) {
            Some(value) => values.push((field.name, value)),
            None => {
                values.push((field.name, Value::Bytes(data.into())));
                break;
            }
        }
    }
    values
}

fn value(kind: u16, length: Option<usize>, data: &mut &[u8]) -> Option<Value> {
    let value = match kind {
        kind::UINT8 => Value::Unsigned(u8::from_le_bytes(array(data)?).into()),
        kind::UINT16 => Value::Unsigned(u16::from_le_bytes(array(data)?).into()),
        kind::UINT32 | kind::HEX_INT32 => Value::Unsigned(u32::from_le_bytes(array(data)?).into()),
        kind::UINT64 | kind::HEX_INT64 => Value::Unsigned(u64::from_le_bytes(array(data)?)),
        kind::INT8 => Value::Signed(i8::from_le_bytes(array(data)?).into()),
        kind::INT16 => Value::Signed(i16::from_le_bytes(array(data)?).into()),
        kind::INT32 => Value::Signed(i32::from_le_bytes(array(data)?).into()),
        kind::INT64 => Value::Signed(i64::from_le_bytes(array(data)?)),
        kind::BOOLEAN => Value::Bool(u32::from_le_bytes(array(data)?) != 0),
        kind::UNICODE_STRING => Value::Text(wide(string(data, length, 2)?)),
        kind::ANSI_STRING => Value::Text(narrow(string(data, length, 1)?)),
        kind::COUNTED_STRING | kind::MANIFEST_COUNTED_STRING => Value::Text(wide(counted(data)?)),
        kind::COUNTED_ANSI_STRING | kind::MANIFEST_COUNTED_ANSI_STRING => {
            Value::Text(narrow(counted(data)?))
        }
        _ => return None,
    };
    Some(value)
}

fn array<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = data.split_first_chunk()?;
    *data = rest;
    Some(*array)
}

fn counted<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = *data;
    let bytes = u16::from_le_bytes(array(&mut rest)?);
    let (text, rest) = rest.split_at_checked(bytes.into())?;
    *data = rest;
    Some(text)
}

/// A text of `length` characters, or up to a 0, or to the end.
fn string<'a>(data: &mut &'a [u8], length: Option<usize>, width: usize) -> Option<&'a [u8]> {
    if let Some(length) = length {
        let (text, rest) = data.split_at_checked(length.checked_mul(width)?)?;
        *data = rest;
        return Some(text);
    }
    let mut characters = data.chunks_exact(width);
    let zero = characters.position(|character| character.iter().all(|byte| *byte == 0));
    let end = zero.map_or(data.len(), |zero| zero * width);
    let (text, rest) = data.split_at(end);
    *data = rest.get(width..).unwrap_or_default();
    Some(text)
}

/// A text in UTF-16.
pub fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

fn narrow(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The text at an offset, up to its 0.
pub fn text_at(bytes: &[u8], offset: u32) -> Option<String> {
    let mut rest = bytes.get(usize::try_from(offset).ok()?..)?;
    string(&mut rest, None, 2).map(wide)
}

#[cfg(test)]
mod tests {
    use super::{Field, Length, kind, text_at, values};
    use crate::events::Value;

    fn field(kind: u16, length: Option<Length>) -> Field {
        Field {
            name: kind.to_string(),
            kind,
            length,
        }
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_type_that_the_driver_writes_is_read() {
        let kinds = [
            kind::UINT64,
            kind::COUNTED_STRING,
            kind::MANIFEST_COUNTED_ANSI_STRING,
            kind::UINT8,
            kind::HEX_INT32,
            kind::INT32,
        ];
        let mut data = 7u64.to_le_bytes().to_vec();
        data.extend(4u16.to_le_bytes());
        data.extend(utf16("ä."));
        data.extend(3u16.to_le_bytes());
        data.extend(b"why\x01");
        data.extend(0xC000_0022u32.to_le_bytes());
        data.extend((-5i32).to_le_bytes());
        let read = values(kinds.map(|kind| field(kind, None)).into(), &data);
        let read: Vec<Value> = read.into_iter().map(|(_, value)| value).collect();
        let expected = [
            Value::Unsigned(7),
            Value::Text("ä.".into()),
            Value::Text("why".into()),
            Value::Unsigned(1),
            Value::Unsigned(0xC000_0022),
            Value::Signed(-5),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn texts_have_their_length_from_another_field_or_end_with_a_zero() {
        let fields = vec![
            field(kind::UINT16, None),
            field(kind::UNICODE_STRING, Some(Length::Of(0))),
            field(kind::ANSI_STRING, Some(Length::Fixed(2))),
            field(kind::UNICODE_STRING, None),
            field(kind::UINT8, None),
        ];
        let mut data = 3u16.to_le_bytes().to_vec();
        data.extend(utf16("abc"));
        data.extend(b"de");
        data.extend(utf16("fg\0"));
        data.push(9);
        let read = values(fields, &data);
        let read: Vec<String> = read.iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(read, ["3", "\"abc\"", "\"de\"", "\"fg\"", "9"]);
    }

    #[test]
    fn what_cannot_be_read_is_left_as_bytes() {
        let fields = || vec![field(kind::COUNTED_STRING, None), field(kind::UINT8, None)];
        let read = values(fields(), &[9, 0, b'x']);
        assert_eq!(read, [("300".into(), Value::Bytes(vec![9, 0, b'x']))]);
        let read = values(vec![field(99, None)], &[1]);
        assert_eq!(read, [("99".into(), Value::Bytes(vec![1]))]);
        assert_eq!(text_at(&utf16("a\0bc"), 4), Some("bc".into()));
        assert_eq!(text_at(&[], 4), None);
    }
}
