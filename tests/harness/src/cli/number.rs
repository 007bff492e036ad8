//! Numbers, sizes and ranges on the command line.

use daxflush_protocol::FileRange;

/// A number: decimal or `0x` hexadecimal, with `K`, `M` or `G` (also `KiB` and so on) for powers of
/// 1024, and `_` between digits.
pub fn size(text: &str) -> Result<u64, String> {
    let clean = text.replace('_', "");
    if let Some(hex) = clean.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).map_err(|_| format!("{text} is no number"));
    }
    let digits = clean.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let shift = match &clean[digits.len()..].to_ascii_lowercase()[..] {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        unit => return Err(format!("{unit} is no unit: K, M, G or T")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text} is no number"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{text} is too large"))
}

/// `OFFSET:LENGTH`.
pub fn range(text: &str) -> Result<FileRange, String> {
    let (offset, length) = text
        .split_once(':')
        .ok_or_else(|| format!("{text} is no OFFSET:LENGTH"))?;
    let range = FileRange {
        offset: size(offset)?,
        length: size(length)?,
    };
    if range.is_valid() {
        Ok(range)
    } else {
        Err(format!("{text} is empty, or beyond what a file can hold"))
    }
}

/// A byte.
pub fn byte(text: &str) -> Result<u8, String> {
    u8::try_from(size(text)?).map_err(|_| format!("{text} is no byte"))
}

#[cfg(test)]
mod tests {
    use super::{byte, range, size};

    #[test]
    fn sizes_have_units_and_bases() {
        for (text, value) in [
            ("0", 0),
            ("4096", 4096),
            ("4K", 4096),
            ("4kib", 4096),
            ("1_000", 1000),
            ("0xff", 255),
            ("3G", 3 << 30),
        ] {
            assert_eq!(size(text), Ok(value), "{text}");
        }
        for text in [
            "",
            "K",
            "4X",
            "-1",
            "1.5K",
            "0xg",
            "99999999999999999999",
            "99999999999T",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_are_not_empty() {
        let found = range("4K:64").expect("a range");
        assert_eq!((found.offset, found.length), (4096, 64));
        for text in ["4K", "0:0", ":", "1:", "0x7fffffffffffffff:2"] {
            assert!(range(text).is_err(), "{text}");
        }
        assert!(byte("256").is_err());
    }
}
