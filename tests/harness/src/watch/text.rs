//! Numbers, times and names in few characters.

use daxflush_protocol::NEVER;
use ratatui::text::Span;

/// Units of 100 ns in a second.
const SECOND: f64 = 1e7;

/// A number with a comma after every three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of at most seven characters.
pub fn short(number: f64) -> String {
    const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e5, "k")];
    for (least, suffix) in SUFFIXES {
        if number >= least {
            let unit = if suffix == "k" { 1e3 } else { least };
            return format!("{}{suffix}", significant(number / unit));
        }
    }
    if number >= 10.0 || (number - number.round()).abs() < 0.05 {
        return grouped(number.round() as u64);
    }
    format!("{number:.1}")
}

/// A duration in units of 100 ns.
pub fn time(units: f64) -> String {
    let seconds = units / SECOND;
    if seconds < 1e-3 {
        format!("{} µs", significant(seconds * 1e6))
    } else if seconds < 1.0 {
        format!("{} ms", significant(seconds * 1e3))
    } else {
        format!("{} s", significant(seconds))
    }
}

/// A time ago, in units of 100 ns.
pub fn age(units: u64) -> String {
    if units == NEVER {
        return "never".into();
    }
    let seconds = units as f64 / SECOND;
    if seconds < 0.95 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    let (value, unit) = match seconds {
        ..120.0 => (seconds, "s"),
        ..7200.0 => (seconds / 60.0, "min"),
        ..172_800.0 => (seconds / 3600.0, "h"),
        _ => (seconds / 86400.0, "d"),
    };
    format!("{value:.0} {unit}")
}

/// How long something has been running, in units of 100 ns.
pub fn uptime(units: u64) -> String {
    let seconds = units / SECOND as u64;
    let (days, hours) = (seconds / 86400, seconds / 3600 % 24);
    let clock = format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    if days == 0 {
        clock
    } else {
        format!("{days} d {clock}")
    }
}

/// Bytes.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in UNITS.iter().skip(1) {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{} {unit}", significant(value))
}

/// An NTSTATUS.
pub fn status(status: i32) -> String {
    if status >= 0 {
        return "ok".into();
    }
    format!("{:08X}", status.cast_unsigned())
}

/// A number and its noun, which gets an s unless the number is 1.
pub fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number))
}

/// A name with its middle left out, if it is wider than so many columns.
pub fn middle(name: &str, width: usize) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if columns(&name) <= width {
        return name;
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    // The end of a path tells more than its beginning.
    let front = room / 3;
    let head = fitting(name.chars(), front);
    let tail = fitting(name.chars().rev(), room - front);
    let tail: String = tail.chars().rev().collect();
    format!("{head}…{tail}")
}

fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

fn fitting(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut text = String::new();
    for character in characters {
        text.push(character);
        if columns(&text) > width {
            text.pop();
            break;
        }
    }
    text
}

/// Three significant digits, and no zeros behind the point that say nothing.
fn significant(value: f64) -> String {
    let text = match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 0.25, 9.96, 12.0, 99_999.0, 123_456.0, 78_662_400.0];
        let text: Vec<String> = numbers.map(short).to_vec();
        assert_eq!(text, ["0", "0.2", "10", "12", "99,999", "123k", "78.7M"]);
    }

    #[test]
    fn times_have_units() {
        let text: Vec<String> = [0.0, 1.0, 123.0, 9_999.0, 20_000.0, 1.5e7]
            .map(time)
            .to_vec();
        let expected = ["0 µs", "0.1 µs", "12.3 µs", "1000 µs", "2 ms", "1.5 s"];
        assert_eq!(text, expected);
        assert_eq!(age(NEVER), "never");
        assert_eq!(age(20_000_000), "2 s");
        assert_eq!(uptime(10_000_000 * 90_061), "1 d 01:01:01");
        assert_eq!(bytes(16 << 20), "16 MiB");
    }

    #[test]
    fn the_middle_is_left_out() {
        assert_eq!(middle("short", 5), "short");
        assert_eq!(middle(r"\a\long\path\file.db", 10), r"\a\…ile.db");
        assert_eq!(middle("データベース", 7), "デ…ース");
        assert_eq!(middle("a\u{1b}b", 3), "a\u{fffd}b");
        assert_eq!(middle("abc", 0), "");
    }
}
