//! How answers look: units, colours, tables.

pub use crate::watch::text::grouped;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// Colours as asked for; `auto` leaves them to the terminal, pipes and NO_COLOR.
pub fn set_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Of what is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Of what somebody should look at.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Of what went wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Of headings.
pub const HEAD: Style = AnsiColor::Cyan.on_default().bold();

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => {
        ::anstream::println!($($text)*)
    };
}
pub(super) use say;

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) -> Result<(), super::Failure> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A table with numbers to the right from the given column on.
pub fn table(header: &[&str], numbers_from: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(header);
    for column in table.column_iter_mut().skip(numbers_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Bytes in the largest unit that leaves at least one.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = number as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{number} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A time in units of 100 ns.
pub fn time(units: u64) -> String {
    let micros = units as f64 / 10.0;
    match units {
        0..10_000 => format!("{micros:.1} µs"),
        10_000..10_000_000 => format!("{:.1} ms", micros / 1e3),
        10_000_000..1_200_000_000 => format!("{:.1} s", micros / 1e6),
        _ => {
            let seconds = units / 10_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            format!("{hours} h {minutes:02} min {:02} s", seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped, time};

    #[test]
    fn numbers_have_groups_and_units() {
        assert_eq!(grouped(78_662_400), "78,662,400");
        assert_eq!(
            [0, 1023, 1024, 1 << 20].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.0 MiB"]
        );
        let shown = [15, 9_999, 25_000, 15_000_000, 36_610_000_000].map(time);
        assert_eq!(
            shown,
            ["1.5 µs", "999.9 µs", "2.5 ms", "1.5 s", "1 h 01 min 01 s"]
        );
    }
}
