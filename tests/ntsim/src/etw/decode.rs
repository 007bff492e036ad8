//! Decodes an event by its own metadata.

use super::{
    TraceValue,
    metadata::{Count, Field, Malformed, Reader},
};

const STRUCT: u8 = 24;
/// XML, JSON and UTF-8.
const OUT_UTF8: [u8; 3] = [11, 12, 35];

/// A type's length in bytes, if that is fixed.
fn fixed_length(intype: u8) -> Option<usize> {
    Some(match intype {
        3 | 4 => 1,
        5 | 6 => 2,
        7 | 8 | 11 | 13 | 20 => 4,
        9 | 10 | 12 | 17 | 21 => 8,
        15 | 18 => 16,
        _ => return None,
    })
}

/// The fields' values, for which the data must be neither too short nor too long.
pub(super) fn values(
    fields: &[Field],
    data: &[u8],
) -> Result<Vec<(String, TraceValue)>, Malformed> {
    let mut reader = Reader::new(data);
    let mut found = Vec::new();
    let mut left = fields;
    while !left.is_empty() {
        left = read_field(left, "", &mut reader, &mut found)?;
    }
    if reader.is_empty() {
        Ok(found)
    } else {
        Err("it is longer than its metadata says")
    }
}

/// Reads the first field, with those that are in it if it is a structure; what follows it.
fn read_field<'a>(
    fields: &'a [Field],
    prefix: &str,
    reader: &mut Reader<'_>,
    found: &mut Vec<(String, TraceValue)>,
) -> Result<&'a [Field], Malformed> {
    let (field, rest) = fields.split_first().ok_or("a structure has no fields")?;
    let name = format!("{prefix}{}", field.name);
    let times = match field.count {
        Count::Scalar => 1,
        Count::Constant(times) => times,
        Count::Variable => reader.short()?,
    };
    if field.intype == STRUCT {
        return read_struct(field, &name, times, rest, reader, found);
    }
    let value = if field.count == Count::Scalar {
        scalar(field, reader)?
    } else {
        let mut bytes = Vec::new();
        for _ in 0..times {
            bytes.extend(raw(field.intype, reader)?);
        }
        TraceValue::Bytes(bytes)
    };
    found.push((name, value));
    Ok(rest)
}

fn read_struct<'a>(
    field: &Field,
    name: &str,
    times: usize,
    inside: &'a [Field],
    reader: &mut Reader<'_>,
    found: &mut Vec<(String, TraceValue)>,
) -> Result<&'a [Field], Malformed> {
    let prefix = format!("{name}.");
    let mut after = inside;
    // What an array without elements would have is skipped.
    let mut unused = Vec::new();
    if times == 0 {
        let zeros = [0; 1 << 10];
        for _ in 0..field.outtype {
            let mut nothing = Reader::new(&zeros);
            after = read_field(after, &prefix, &mut nothing, &mut unused)?;
        }
    }
    for _ in 0..times {
        after = inside;
        for _ in 0..field.outtype {
            after = read_field(after, &prefix, reader, found)?;
        }
    }
    Ok(after)
}

/// A value's bytes, without a count or a zero at its end.
fn raw<'a>(intype: u8, reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    if let Some(length) = fixed_length(intype) {
        return reader.take(length);
    }
    match intype {
        1 => reader.until_zero(2),
        2 => reader.until_zero(1),
        14 | 22 | 23 | 25 => {
            let length = reader.short()?;
            reader.take(length)
        }
        // A SID: its revision, the number of its subauthorities, and so on.
        19 => {
            let mut copy = Reader::new(reader.rest());
            copy.byte()?;
            let count = usize::from(copy.byte()?);
            reader.take(8 + 4 * count)
        }
        _ => Err("a field's type is unknown"),
    }
}

fn scalar(field: &Field, reader: &mut Reader<'_>) -> Result<TraceValue, Malformed> {
    let bytes = raw(field.intype, reader)?;
    let number = || Reader::new(bytes).number(bytes.len());
    Ok(match field.intype {
        1 | 22 => TraceValue::Text(utf16(bytes)?),
        2 | 23 => TraceValue::Text(narrow(bytes, field.outtype)?),
        3 | 5 | 7 | 9 => {
            let unused = 64 - 8 * bytes.len() as u32;
            TraceValue::Signed((number()? << unused) as i64 >> unused)
        }
        4 | 6 | 8 | 10 | 13 | 17 | 20 | 21 => TraceValue::Number(number()?),
        11 => TraceValue::Text(f32::from_bits(number()? as u32).to_string()),
        12 => TraceValue::Text(f64::from_bits(number()?).to_string()),
        15 => TraceValue::Text(guid(bytes)),
        _ => TraceValue::Bytes(bytes.to_vec()),
    })
}

fn utf16(bytes: &[u8]) -> Result<String, Malformed> {
    if !bytes.len().is_multiple_of(2) {
        return Err("a string of 16-bit units has an odd length");
    }
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    Ok(String::from_utf16_lossy(&units))
}

/// UTF-8 if the event says so; otherwise each byte is a character.
fn narrow(bytes: &[u8], outtype: u8) -> Result<String, Malformed> {
    if OUT_UTF8.contains(&outtype) {
        return String::from_utf8(bytes.to_vec()).map_err(|_| "a string is not UTF-8");
    }
    Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// Windows byte order: the first three parts are numbers.
pub(super) fn guid(bytes: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::new();
    for (at, index) in order.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", bytes[*index]));
    }
    text
}
