//! Numbers, versions and dates as an INF has them.

/// A decimal number, or a hexadecimal one that begins with `0x`.
pub fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => digits_only(digits, 16),
        None => digits_only(text, 10),
    }
}

fn digits_only(digits: &str, radix: u32) -> Option<u32> {
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    all.then(|| u32::from_str_radix(digits, radix).ok())?
}

/// Whether this is a version `w.x.y.z` that DriverVer may have (inf-driverver-directive): each number
/// below 65535, and not all of them 0.
pub fn is_version(text: &str) -> bool {
    let numbers: Option<Vec<u32>> = text
        .split('.')
        .map(|part| digits_only(part, 10).filter(|number| *number < 65535))
        .collect();
    numbers.is_some_and(|numbers| numbers.len() == 4 && numbers.iter().any(|number| *number != 0))
}

/// Whether this is a date `mm/dd/yyyy` that exists (inf-driverver-directive).
pub fn is_date(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { '/' };
    let parts: Vec<&str> = text.split(separator).collect();
    let [month, day, year] = parts.as_slice() else {
        return false;
    };
    if (month.len(), day.len(), year.len()) != (2, 2, 4) {
        return false;
    }
    let numbers = [month, day, year].map(|part| digits_only(part, 10));
    let [Some(month), Some(day), Some(year)] = numbers else {
        return false;
    };
    (1..=days(month, year)).contains(&day)
}

fn days(month: u32, year: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number("0x00010001"), Some(0x10001));
        assert_eq!(number("10"), Some(10));
        for text in ["", "0x", "+1", "-1", "x", "0x1g", "4294967296"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn versions() {
        assert!(is_version("1.0.0.65534"));
        for text in [
            "",
            "1.0.0",
            "0.0.0.0",
            "1.0.0.65535",
            "1.0.0.0.0",
            "1..0.0",
            "a.0.0.0",
        ] {
            assert!(!is_version(text), "{text}");
        }
    }

    #[test]
    fn dates() {
        assert!(is_date("02/29/2024") && is_date("12-31-2025"));
        for text in [
            "02/29/2025",
            "13/01/2025",
            "1/1/2025",
            "2025/01/01",
            "00/10/2025",
            "01/00/2025",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }
}
