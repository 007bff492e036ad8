//! The numbers beside the plots.

use super::{
    data::{FileTotals, HeatMap, Point},
    escape::escaped,
};
use crate::watch::{
    latency,
    text::{bytes, grouped, time},
};
use daxflush_protocol::{HISTOGRAM_BUCKETS, Histogram};
use std::fmt::Write;

/// Files of the table, and the rows of others.
const MOST_FILES: usize = 20;
const PARTS: usize = 10;

/// A table; `head` and the rows begin with a text, and numbers follow.
pub fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = format!("<table><caption>{}</caption><thead><tr>", escaped(caption));
    for name in head {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(name));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            let _ = match place {
                0 => write!(html, "<th scope=\"row\">{cell}</th>"),
                _ => write!(html, "<td>{cell}</td>"),
            };
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    html
}

/// A number for each, or a dash.
pub fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "–".into(), grouped)
}

/// How many times more lines were asked for than flushed.
pub fn ratio(asked: Option<u64>, flushed: u64) -> String {
    match asked {
        Some(asked) if flushed != 0 => format!("{:.1} ×", asked as f64 / flushed as f64),
        _ => "–".into(),
    }
}

/// The buckets of a histogram of times.
pub fn buckets(histogram: &Histogram) -> String {
    let Some((first, last)) = latency::used(histogram) else {
        return String::new();
    };
    let total = histogram.count() as f64;
    let mut sum: u64 = 0;
    let rows = (first..=last).map(|bucket| {
        let count = histogram.buckets[bucket];
        sum = sum.saturating_add(count);
        let from = time(Histogram::least(bucket) as f64);
        let range = match bucket + 1 {
            HISTOGRAM_BUCKETS => format!("{from} and more"),
            next => format!("{from} to {}", time(Histogram::least(next) as f64)),
        };
        let share = format!("{:.1} %", sum as f64 / total * 100.0);
        vec![range, grouped(count), share]
    });
    let rows: Vec<_> = rows.collect();
    table(
        "Commits by their time",
        &["time", "commits", "took no longer"],
        &rows,
    )
}

/// The run in ten parts.
pub fn parts(points: &[Point], live: bool) -> String {
    let rows = points
        .chunks(points.len().div_ceil(PARTS).max(1))
        .map(|part| {
            let first = part.first().map_or(0.0, |point| point.at);
            let last = part.last().map_or(0.0, |point| point.at);
            let asked = part
                .iter()
                .try_fold(0u64, |sum, point| Some(sum.saturating_add(point.asked?)));
            let flushed = part
                .iter()
                .fold(0u64, |sum, point| sum.saturating_add(point.flushed));
            if live {
                return vec![format!("to {last:.1} s"), grouped(flushed)];
            }
            let name = format!("{} to {}", grouped(first as u64), grouped(last as u64));
            vec![name, known(asked), grouped(flushed), ratio(asked, flushed)]
        });
    let rows: Vec<_> = rows.collect();
    if live {
        return table("Lines by time", &["time", "flushed"], &rows);
    }
    let head = ["commits", "asked for", "flushed", "asked / flushed"];
    table("Lines by commits", &head, &rows)
}

/// The parts of a file that were dirty the most.
pub fn busiest(map: &HeatMap) -> String {
    // What the rows have: data that was kept may say anything of its columns.
    let columns = map.rows.iter().map(Vec::len).max().unwrap_or(0);
    let add = |sum: u64, more: &u64| sum.saturating_add(*more);
    let mut sums: Vec<(usize, u64)> = (0..columns)
        .map(|column| {
            let cells = map.rows.iter().filter_map(|row| row.get(column));
            (column, cells.fold(0, add))
        })
        .filter(|(_, sum)| *sum != 0)
        .collect();
    let total = sums.iter().map(|(_, sum)| sum).fold(0, add);
    sums.sort_by_key(|(column, sum)| (std::cmp::Reverse(*sum), *column));
    let rows = sums.into_iter().take(PARTS).map(|(column, sum)| {
        let offset = (column as u64).saturating_mul(map.cell_bytes);
        let share = format!("{:.1} %", sum as f64 / total as f64 * 100.0);
        vec![bytes(offset), grouped(sum), share]
    });
    let rows: Vec<_> = rows.collect();
    let caption = format!("The busiest parts, of {} each", bytes(map.cell_bytes));
    table(&caption, &["offset", "dirty lines", "share"], &rows)
}

/// The files of which the most was flushed.
pub fn files(files: &[FileTotals]) -> String {
    let rows = files.iter().take(MOST_FILES).map(|file| {
        let size = match file.bytes {
            0 => "–".into(),
            size => bytes(size),
        };
        vec![
            file.name.clone(),
            size,
            grouped(file.commits),
            known(file.asked),
            grouped(file.flushed),
            ratio(file.asked, file.flushed),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let caption = match files.len() {
        ..=MOST_FILES => "All files that were committed".to_owned(),
        all => format!("The first {MOST_FILES} of {all} files"),
    };
    let head = [
        "file",
        "largest size",
        "commits",
        "lines asked for",
        "lines flushed",
        "asked / flushed",
    ];
    table(&caption, &head, &rows)
}
