//! Writes the Distinguished Encoding Rules of ASN.1, as far as catalogs need them.

use crate::date::Date;

/// A tag, its length and its content.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|&&byte| byte == 0).count()..];
    let mut encoded = vec![tag];
    if content.len() < 0x80 {
        encoded.push(content.len() as u8);
    } else {
        encoded.push(0x80 | digits.len() as u8);
        encoded.extend_from_slice(digits);
    }
    encoded.extend_from_slice(content);
    encoded
}

/// SEQUENCE.
pub fn sequence<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    value(0x30, &joined(parts))
}

/// SET OF: the encodings in ascending order.
pub fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    value(0x31, &joined(&parts))
}

/// A constructed value with a tag of the context's own: `[number] EXPLICIT`, or `IMPLICIT` of
/// something constructed.
pub fn context(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, content)
}

/// A primitive value with a tag of the context's own, empty.
pub fn context_empty(number: u8) -> Vec<u8> {
    value(0x80 | number, &[])
}

/// INTEGER, of a number that is not negative.
pub fn integer(number: u32) -> Vec<u8> {
    let bytes = u64::from(number).to_be_bytes();
    let mut first = bytes.iter().take_while(|&&byte| byte == 0).count().min(7);
    if bytes[first] & 0x80 != 0 {
        first -= 1;
    }
    value(0x02, &bytes[first..])
}

/// OBJECT IDENTIFIER, by its arcs.
pub fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    if let [first, second, rest @ ..] = arcs {
        arc(40 * first + second, &mut content);
        for &number in rest {
            arc(number, &mut content);
        }
    }
    value(0x06, &content)
}

fn arc(number: u32, content: &mut Vec<u8>) {
    let groups = (32 - number.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        content.push((number >> (7 * group)) as u8 & 0x7f | more);
    }
}

/// NULL.
pub fn null() -> Vec<u8> {
    value(0x05, &[])
}

/// OCTET STRING.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    value(0x04, bytes)
}

/// BIT STRING whose last `unused` bits do not count.
pub fn bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    value(0x03, &joined(&[&[unused], bytes]))
}

/// BMPString.
pub fn bmp_string(text: &str) -> Vec<u8> {
    let content: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    value(0x1e, &content)
}

/// UTCTime, at the day's first second.
pub fn utc_time(date: Date) -> Vec<u8> {
    let Date { year, month, day } = date;
    value(
        0x17,
        format!("{:02}{month:02}{day:02}000000Z", year % 100).as_bytes(),
    )
}

fn joined<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| part.as_ref())
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The encodings are from openssl asn1parse -genstr.

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(octets(&[7; 3]), [4, 3, 7, 7, 7]);
        assert_eq!(octets(&[7; 127])[..2], [4, 127]);
        assert_eq!(octets(&[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(octets(&[7; 256])[..4], [4, 0x82, 1, 0]);
        assert_eq!(octets(&[7; 65536])[..5], [4, 0x83, 1, 0, 0]);
    }

    #[test]
    fn numbers_are_not_negative() {
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(512), [2, 2, 2, 0]);
        assert_eq!(integer(0x1001_0001), [2, 4, 0x10, 1, 0, 1]);
        assert_eq!(integer(u32::MAX), [2, 5, 0, 255, 255, 255, 255]);
    }

    #[test]
    fn identifiers_have_seven_bits_a_byte() {
        assert_eq!(
            oid(&[1, 3, 6, 1, 4, 1, 311, 12, 1, 3]),
            [6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 12, 1, 3]
        );
        assert_eq!(oid(&[2, 16, 840, 0, 1]), [6, 5, 0x60, 0x86, 0x48, 0, 1]);
    }

    #[test]
    fn sets_are_sorted_by_encoding() {
        let set = set_of(vec![octets(&[2]), octets(&[1, 1]), octets(&[1]), null()]);
        assert_eq!(set, [0x31, 12, 4, 1, 1, 4, 1, 2, 4, 2, 1, 1, 5, 0]);
    }

    #[test]
    fn text_and_times() {
        assert_eq!(bmp_string("Aé"), [0x1e, 4, 0, 0x41, 0, 0xe9]);
        let date = Date {
            year: 2026,
            month: 7,
            day: 1,
        };
        assert_eq!(utc_time(date), *b"\x17\x0d260701000000Z");
        assert_eq!(bits(5, &[0xa0]), [3, 2, 5, 0xa0]);
    }
}
